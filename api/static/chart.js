"use strict";
// Draws a tank's history with least and most of each step, its refills, and the forecast until it may be empty.
(() => {
  const box = document.querySelector("[data-chart]");
  const settings = JSON.parse(document.querySelector("[data-chart-settings]").textContent);
  const note = document.querySelector("[data-chart-note]");
  const texts = settings.texts;
  const zone = "Asia/Ho_Chi_Minh";
  const openedAt = Date.now();
  let quantity = "fill_percent";
  let hours = 720;
  let plot = null;
  let asked = 0;

  const nowUs = () => settings.now_us + (Date.now() - openedAt) * 1000;
  const digits = () => (quantity === "fill_percent" ? 1 : 0);
  const unit = () => (quantity === "fill_percent" ? "%" : "kg");
  const number = (value, most) => new Intl.NumberFormat(settings.locale === "vi" ? "vi-VN" : "en-GB", { maximumFractionDigits: most }).format(value);
  const when = (seconds) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(seconds * 1000)).replace(",", "");
  const emptyAt = () => (quantity === "fill_percent" ? 0 : settings.heel_kg);

  async function fetchJson(address) {
    const answer = await fetch(address, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async function load() {
    const turn = ++asked;
    const until = Math.round(nowUs());
    const since = until - hours * 3600 * 1e6;
    const points = Math.max(60, Math.min(720, Math.round(box.clientWidth)));
    box.setAttribute("aria-busy", "true");
    try {
      const [series, refills, tank] = await Promise.all([
        fetchJson(`${settings.series}?field=${quantity}&since=${since}&until=${until}&points=${points}`),
        fetchJson(`${settings.refills}?since=${since}&until=${until}`),
        fetchJson(settings.tank),
      ]);
      if (turn === asked) draw(series, refills.refills, tank.status);
    } catch (error) {
      if (turn === asked) note.textContent = texts.failed;
    } finally {
      box.removeAttribute("aria-busy");
    }
  }

  // Steps without a reading become gaps: a line across them would say what nobody measured.
  function history(series) {
    const rows = [];
    let expected = null;
    for (const bucket of series.buckets) {
      if (expected !== null && bucket.t_us > expected + 2 * series.step_us) rows.push([expected / 1e6, null, null, null]);
      rows.push([(bucket.t_us + series.step_us / 2) / 1e6, bucket.minimum, bucket.mean, bucket.maximum]);
      expected = bucket.t_us + series.step_us;
    }
    return rows;
  }

  // Straight lines from the last good reading to empty at the earliest (p10) and at the latest (p90).
  function forecast(status, endUs) {
    if (!foreseen(status)) return [];
    const [from, early, late] = [status.as_of_us, status.empty_at_p10_us, status.empty_at_p90_us];
    const start = status[quantity];
    const floor = emptyAt();
    const at = (t, empty) => (t >= empty ? floor : start + ((floor - start) * (t - from)) / (empty - from));
    const instants = [from, early, late, endUs].filter((t) => t >= from && t <= endUs);
    return [...new Set(instants)].sort((a, b) => a - b).map((t) => [t / 1e6, at(t, early), at(t, late)]);
  }

  function foreseen(status) {
    return status && ["as_of_us", "empty_at_p10_us", "empty_at_p90_us", quantity].every((name) => status[name] !== null);
  }

  function columns(past, ahead) {
    const byTime = new Map();
    for (const [t, ...values] of past) byTime.set(t, [...values, undefined, undefined]);
    for (const [t, low, high] of ahead) {
      const row = byTime.get(t) || [undefined, undefined, undefined, undefined, undefined];
      row[3] = low; row[4] = high;
      byTime.set(t, row);
    }
    const times = [...byTime.keys()].sort((a, b) => a - b);
    return [times, ...[0, 1, 2, 3, 4].map((index) => times.map((t) => byTime.get(t)[index]))];
  }

  function draw(series, refills, status) {
    const past = history(series);
    note.textContent = past.length ? "" : texts.none;
    const furthest = series.until_us + (hours * 3600e6) / 2;
    const endUs = foreseen(status) ? Math.min(status.empty_at_p90_us + 3600e6, furthest) : series.until_us;
    const data = columns(past, forecast(status, endUs));
    const width = box.clientWidth;
    const options = {
      width,
      height: box.clientHeight || 320,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      scales: { x: { min: series.since_us / 1e6, max: Math.max(endUs, series.until_us) / 1e6 }, y: { range: (u, low, high) => [Math.min(emptyAt(), low ?? 0), Math.max(quantity === "fill_percent" ? 100 : settings.capacity_kg || 0, high ?? 0) * 1.02] } },
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      axes: [
        { stroke: "#14202b", grid: { stroke: "#e3e8ec" }, font: "12px system-ui", space: width < 500 ? 70 : 90, values: (u, splits, _i, _s, step) => splits.map((s) => (step >= 86400 ? when(s).slice(0, 5) : when(s).slice(6))) },
        { stroke: "#14202b", grid: { stroke: "#e3e8ec" }, font: "12px system-ui", size: 62, values: (u, splits) => splits.map((value) => `${number(value, 1)} ${unit()}`) },
      ],
      series: [
        {},
        { label: "min", stroke: "transparent", points: { show: false } },
        { label: texts.mean, stroke: "#0b4f6c", width: 2, points: { show: false } },
        { label: "max", stroke: "transparent", points: { show: false } },
        { label: texts.earliest, stroke: "#b35900", width: 1.5, dash: [6, 4], spanGaps: true, points: { show: false } },
        { label: texts.latest, stroke: "#b35900", width: 1.5, dash: [6, 4], spanGaps: true, points: { show: false } },
      ],
      bands: [
        { series: [3, 1], fill: "#0b4f6c40" },
        { series: [5, 4], fill: "#e8963a55" },
      ],
      hooks: { draw: [(u) => marks(u, series, refills)], setCursor: [readout] },
    };
    if (plot) plot.destroy();
    box.textContent = "";
    plot = new uPlot(options, data, box);
    box.dataset.drawn = `${quantity} ${hours} ${series.buckets.length} ${refills.length}`;
  }

  function marks(u, series, refills) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const ratio = devicePixelRatio || 1;
    ctx.font = `${11 * ratio}px system-ui`;
    const nowX = u.valToPos(series.until_us / 1e6, "x", true);
    ctx.strokeStyle = "#4a5865";
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    line(ctx, nowX, bbox);
    ctx.fillStyle = "#4a5865";
    ctx.textAlign = "right";
    ctx.fillText(texts.now, nowX - 4 * ratio, bbox.top + bbox.height - 6 * ratio);
    ctx.setLineDash([]);
    ctx.textAlign = "center";
    let lastLabel = -Infinity;
    for (const refill of refills) {
      const x = u.valToPos(refill.end_us / 1e6, "x", true);
      ctx.strokeStyle = "#0b5f3666";
      line(ctx, x, bbox);
      ctx.fillStyle = "#0b5f36";
      triangle(ctx, x, bbox.top + 16 * ratio, 5 * ratio);
      const label = `+${number(refill.mass_kg, 0)} kg`;
      const half = ctx.measureText(label).width / 2;
      const middle = Math.min(Math.max(x, bbox.left + half + 2), bbox.left + bbox.width - half - 2);
      if (middle - half > lastLabel) {
        ctx.fillText(label, middle, bbox.top + 11 * ratio);
        lastLabel = middle + half + 6 * ratio;
      }
    }
    ctx.restore();
  }

  function line(ctx, x, bbox) {
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }

  function triangle(ctx, x, y, size) {
    ctx.beginPath();
    ctx.moveTo(x - size, y);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + 1.4 * size);
    ctx.fill();
  }

  function readout(u) {
    const index = u.cursor.idx;
    if (index === null || index === undefined) { note.textContent = ""; return; }
    const [low, mean, high, early, late] = [1, 2, 3, 4, 5].map((n) => u.data[n][index]);
    const write = (value) => `${number(value, digits())} ${unit()}`;
    const time = when(u.data[0][index]);
    if (typeof mean === "number") note.textContent = `${time}: ${write(mean)} (${write(low)} – ${write(high)})`;
    else if (typeof early === "number") note.textContent = `${time}: ${write(early)} – ${write(late)}`;
    else note.textContent = "";
  }

  function choose(selector, button) {
    document.querySelectorAll(selector).forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    load();
  }

  document.querySelectorAll("[data-ranges], [data-quantities]").forEach((group) => { group.hidden = false; });
  document.querySelectorAll("[data-hours]").forEach((button) => button.addEventListener("click", () => { hours = Number(button.dataset.hours); choose("[data-hours]", button); }));
  document.querySelectorAll("[data-quantity]").forEach((button) => button.addEventListener("click", () => { quantity = button.dataset.quantity; choose("[data-quantity]", button); }));
  let resizing = 0;
  let drawnWidth = box.clientWidth;
  window.addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => { if (box.clientWidth !== drawnWidth) { drawnWidth = box.clientWidth; load(); } }, 200);
  });
  setInterval(() => { if (!document.hidden) load(); }, 300000);
  load();
})();
