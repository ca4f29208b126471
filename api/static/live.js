"use strict";
// Keeps a page up to date and honest: figures come from one stream per browser, every reading's age goes on
// counting here, and a page that hears nothing says so. Nothing shown is ever made up on this side but ages.
(() => {
  const body = document.body;
  const settings = body.dataset;
  if (!settings.live) return;
  const words = JSON.parse(settings.words);
  const silenceMs = Number(settings.silenceMs);
  const keepaliveMs = Number(settings.keepaliveMs);
  const pollMs = Math.min(Number(settings.pollMs), silenceMs / 3);
  const overdueUs = Number(settings.overdueMs) * 1000;
  const signalLostAfterMs = Math.min(1.5 * keepaliveMs, silenceMs / 2);
  const zone = "Asia/Ho_Chi_Minh";

  let cursor = Number(settings.cursor);
  let clockSkewMs = Number(settings.now) / 1000 - Date.now(); // the server's clock minus this one
  let heardAt = Date.now();
  let etag = null;
  let polling = false;
  let source = null;
  let signedOut = false;
  let alarmCount = null;

  const serverNowUs = () => (Date.now() + clockSkewMs) * 1000;
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));

  function ageText(us) {
    const seconds = Math.max(0, Math.floor((serverNowUs() - us) / 1e6));
    const size = [86400, 3600, 60].find((unit) => seconds >= unit) || 1;
    const count = Math.floor(seconds / size);
    const span = words.units[size][count === 1 ? 0 : 1].replace("%(n)s", String(count));
    return words.ago.replace("%(span)s", span);
  }

  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // ---- what a status changes -------------------------------------------------------------------

  const stateIcons = { ok: "ok", filling: "filling", fault: "fault", stale: "stale", never_read: "unknown", overdue: "stale" };

  function showState(row, state, current) {
    row.dataset.state = state;
    row.dataset.current = current ? "yes" : "no";
    all('[data-icon="state"]', row).forEach((use) => use.setAttribute("href", `#icon-${stateIcons[state] || "unknown"}`));
  }

  function apply(status) {
    cursor = Math.max(cursor, status.id);
    for (const row of all(`[data-subject="${CSS.escape(status.subject)}"]`)) {
      row.dataset.band = status.band;
      row.dataset.evaluated = String(status.evaluated_us);
      if (row.dataset.rank !== undefined) row.dataset.rank = status.order;
      showState(row, status.state, status.current);
      for (const [field, text] of Object.entries(status.texts)) {
        all(`[data-field="${field}"]`, row).forEach((element) => setText(element, text));
      }
      all(".badge[data-badge]", row).forEach((badge) => { badge.dataset.badge = status.band; });
      all('[data-icon="band"]', row).forEach((use) => use.setAttribute("href", `#icon-${status.band}`));
      const width = Math.max(0, Math.min(100, status.fill_percent || 0));
      all("[data-bar]", row).forEach((bar) => bar.setAttribute("width", String(width)));
      all(".age", row).forEach((age) => { age.dataset.age = status.as_of_us === null ? "" : String(status.as_of_us); });
    }
  }

  function sortRows() {
    const list = document.querySelector("[data-sorted]");
    if (!list || list.contains(document.activeElement)) return; // never move what a person is on
    const rows = Array.from(list.children);
    const sorted = rows.slice().sort((a, b) => (a.dataset.rank < b.dataset.rank ? -1 : 1));
    if (sorted.some((row, index) => row !== rows[index])) sorted.forEach((row) => list.append(row));
  }

  function showTotals(total) {
    clockSkewMs = total.now_us / 1000 - Date.now();
    for (const [name, text] of Object.entries(total.summary)) {
      all(`[data-summary="${name}"]`).forEach((element) => setText(element, text));
    }
    all("[data-alarm-count]").forEach((element) => {
      element.hidden = !total.alarms;
      setText(element, total.alarms ? String(total.alarms) : "");
    });
    if (alarmCount !== null && alarmCount !== total.alarms) {
      all("[data-alarms-changed]").forEach((element) => { element.hidden = false; });
    }
    alarmCount = total.alarms;
  }

  // ---- the page's own clock --------------------------------------------------------------------

  function tick() {
    all(".age[data-age]").forEach((age) => { if (age.dataset.age) setText(age, ageText(Number(age.dataset.age))); });
    const now = serverNowUs();
    all("[data-evaluated]").forEach((row) => {
      if (row.dataset.state !== "overdue" && now - Number(row.dataset.evaluated) > overdueUs && row.dataset.state !== "never_read") {
        showState(row, "overdue", false);
        all('[data-field="state"]', row).forEach((element) => setText(element, words.overdue));
        if (row.dataset.rank && row.dataset.rank[0] > "2") row.dataset.rank = `2${row.dataset.rank.slice(1)}`;
      }
    });
    sortRows();
    watchSilence();
  }

  function watchSilence() {
    const silent = Date.now() - heardAt;
    const banner = document.querySelector("[data-lost]");
    const lost = silent > silenceMs && !signedOut;
    if (lost && banner.hidden) {
      const since = new Date(heardAt + clockSkewMs);
      const time = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(since);
      const text = banner.querySelector("[data-lost-text]");
      text.textContent = text.dataset.lostText.replace("{time}", time);
    }
    banner.hidden = !lost;
    document.documentElement.classList.toggle("lost", lost || signedOut);
    if (silent > signalLostAfterMs) poll();
  }

  function heard() {
    heardAt = Date.now();
  }

  function endSession() {
    signedOut = true;
    if (source) source.close();
    document.querySelector("[data-signed-out]").hidden = false;
    watchSilence();
  }

  // ---- asking again and again: when there is no stream, or it has gone quiet ----------------------

  let lastPoll = 0;

  async function poll() {
    if (polling || signedOut || Date.now() - lastPoll < pollMs) return;
    polling = true;
    lastPoll = Date.now();
    const gone = new AbortController();
    const patience = setTimeout(() => gone.abort(), Math.max(pollMs, 1000));
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const answer = await fetch(`${settings.poll}&after=${cursor}`, { headers, signal: gone.signal, cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) { endSession(); return; }
      if (answer.status === 200) {
        const news = await answer.json();
        etag = answer.headers.get("ETag");
        news.statuses.forEach(apply);
        showTotals(news);
        cursor = Math.max(cursor, news.cursor);
      }
      if (answer.status === 200 || answer.status === 304) heard();
    } catch (error) {
      // No answer is what the silence is counted for.
    } finally {
      clearTimeout(patience);
      polling = false;
    }
  }

  // ---- the one stream of this browser -------------------------------------------------------------

  const channel = "BroadcastChannel" in window ? new BroadcastChannel(settings.channel) : null;

  function take(message) {
    heard();
    if (message.kind === "status") apply(message.data);
    else if (message.kind === "alive") { showTotals(message.data); cursor = Math.max(cursor, message.data.cursor); }
    else if (message.kind === "signed-out") endSession();
  }

  function lead() {
    return new Promise((resolve) => {
      const open = () => {
        source = new EventSource(`${settings.live}&after=${cursor}`);
        for (const kind of ["status", "alive", "signed-out"]) {
          source.addEventListener(kind, (event) => {
            const message = { kind, data: JSON.parse(event.data) };
            take(message);
            if (channel) channel.postMessage(message);
          });
        }
        source.addEventListener("error", () => {
          if (source.readyState !== EventSource.CLOSED) return; // the browser is trying again by itself
          if (signedOut) resolve();
          else setTimeout(open, Math.max(pollMs, 1000));
        });
      };
      open();
    });
  }

  if (channel) channel.addEventListener("message", (event) => take(event.data));
  // Without locks (plain HTTP from another computer) several tabs could open several streams and use up the
  // browser's connections, so such a page only asks.
  if (channel && navigator.locks) navigator.locks.request(settings.channel, lead);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
  poll();
  tick();
  setInterval(tick, Math.min(1000, silenceMs / 4));
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
