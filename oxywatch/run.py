"""`oxywatch run`: everything on one machine, one process each, with simulated hospitals."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from firmware_sim import scenario_file
from firmware_sim.scenario import Scenario
from firmware_sim.service import Ready
from ingest import backfill
from oxygen.errors import OxyWatchError, Permanent
from oxywatch.addresses import free_port, host_and_port, page_answers, page_port
from oxywatch.demo.data_folder import DataFolder, Endpoints, HistoryRequest
from oxywatch.demo.gateways import Cadence, Connection, write_gateway
from oxywatch.demo.preparation import prepare_records
from oxywatch.demo.registry import hospitals
from oxywatch.process import now_us
from oxywatch.settings import load_settings
from oxywatch.supervision.supervisor import Program, Supervisor
from records import work as work_records
from records.database import Database

LOOK_EVERY_S = 0.2
SIMULATOR_WITHIN_S = 60.0


class RunOptions(NamedTuple):
    """What a person may choose.

    Attributes:
        data: Folder for everything.
        host, port: Of the pages; port None takes 8080 or the next free one.
        records_url, telemetry: See Endpoints.
        broker: HOST:PORT of a broker to use; None for the embedded one.
        scenario: File of the simulated world; None for the shipped demo.
        days: Length of the history made at the first start.
        cadence: Of the gateways.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int | None = None
    records_url: str | None = None
    telemetry: dict[str, str] | None = None
    broker: str | None = None
    scenario: Path | None = None
    days: int = 30
    cadence: Cadence = Cadence()


async def run(options: RunOptions, stop: asyncio.Event, console: Console) -> None:
    """Start everything, say where to look, keep it running until `stop` is set, stop it in order.

    Raises:
        Permanent: Another run works in the folder, a port cannot be had, or a program cannot run at all.
        BadConfiguration: The scenario is wrong.
    """
    folder = DataFolder(options.data)
    folder.prepare()
    scenario = scenario_file.load(options.scenario) if options.scenario else scenario_file.shipped("demo")
    with folder.locked():
        endpoints = _endpoints(options)
        folder.write_settings(endpoints)
        settings = load_settings(folder.settings)
        database = settings.records.open()
        supervisor = Supervisor(folder.logs)
        house = _House(options, folder, endpoints, scenario, database, supervisor, console)
        try:
            await _unless(stop, supervisor, house.start())
            supervisor.all_started()
            await _unless(stop, supervisor, stop.wait())
        finally:
            console.print("Stopping … / Đang dừng …")
            await supervisor.stop()
            await database.close()
    if supervisor.failed.is_set():
        program = supervisor.failure
        log = str(supervisor.log_of(program))
        raise Permanent(f"{program} cannot run, see {log}", code="program_failed", program=program, log=log)


async def _unless(stop: asyncio.Event, supervisor: Supervisor, work: Awaitable[object]) -> None:
    """Await `work`, but no longer than until a stop or until a program has failed for good."""
    tasks = [
        asyncio.ensure_future(work),
        asyncio.create_task(stop.wait()),
        asyncio.create_task(supervisor.failed.wait()),
    ]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks[1:]:
        task.cancel()
    if not tasks[0].done():
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
    elif not stop.is_set() and not supervisor.failed.is_set():
        tasks[0].result()


class _House:
    """The steps of a start."""

    def __init__(
        self,
        options: RunOptions,
        folder: DataFolder,
        endpoints: Endpoints,
        scenario: Scenario,
        database: Database,
        supervisor: Supervisor,
        console: Console,
    ) -> None:
        self._options = options
        self._folder = folder
        self._endpoints = endpoints
        self._scenario = scenario
        self._database = database
        self._supervisor = supervisor
        self._console = console
        self._shard = hospitals().shard

    async def start(self) -> None:
        """Start all programs; the page comes at once, but at the very first start after 48 h of history."""
        password = await prepare_records(self._database, self._scenario, now_us())
        first_time = not self._folder.sim_state.exists()
        self._start_centre()
        if not first_time:
            self._start_pages()
            await self._announce(password)
        parts = await self._make_history()
        if not first_time:
            await self._start_hospitals()
        with self._bars() as bars:
            for path in parts:
                await self._backfill(path, bars)
                if first_time and path is parts[0]:
                    self._start_pages()
                    await self._start_hospitals()
                    await self._announce(password)

    def _start_centre(self) -> None:
        if self._options.broker is None:
            self._add("broker", "broker", str(self._folder.root), str(self._endpoints.broker_port))
        settings = str(self._folder.settings)
        for name in ("ingest", "alerts", "jobs"):
            self._add(name, name, "--config", settings)
        self._add("mail-sink", "mail-sink", "--config", settings, "--port", str(self._endpoints.mail_port))

    def _start_pages(self) -> None:
        self._add("api", "api", "--config", str(self._folder.settings))

    def _add(self, name: str, *arguments: str) -> None:
        self._supervisor.add(Program(name, (sys.executable, "-m", "oxywatch", *arguments)))

    async def _make_history(self) -> list[Path]:
        gateways = self._write_gateways(None)
        request = HistoryRequest(
            scenario=str(self._options.scenario) if self._options.scenario else None,
            state_file=str(self._folder.sim_state),
            gateways=tuple(str(path) for path in gateways),
            folder=str(self._folder.history),
            until_us=now_us(),
            days=self._options.days,
            recent_h=48,
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "oxywatch", "history", msgspec.json.encode(request).decode()),
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            return await self._follow_history(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _follow_history(self, process: asyncio.subprocess.Process) -> list[Path]:
        assert process.stdout is not None
        with self._bars() as bars:
            bar = bars.add_task("Simulating the past / Mô phỏng quá khứ", total=1.0)
            async for line in process.stdout:
                answer = json.loads(line)
                if isinstance(answer, list):
                    return [Path(path) for path in answer]
                bars.update(bar, completed=answer)
        raise Permanent(
            "the history could not be made",
            code="history_failed",
            detail=f"exit code {await process.wait()}",
        )

    async def _backfill(self, path: Path, bars: Progress) -> None:
        """Have ingest read one file, showing how far it is; the file goes away when all of it is stored."""
        days = "48 h" if path.stem.startswith("recent") else path.stem.partition("-")[0]
        bar = bars.add_task(f"Reading history ({days}) / Nạp lịch sử", total=1.0)
        async with self._database.write() as tx:
            number = await work_records.request_work(
                tx,
                backfill.KIND,
                self._shard,
                {"path": str(path)},
                key=path.stem,
                actor="oxywatch run",
                now_us=now_us(),
            )
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                async with self._database.read() as tx:
                    item = await work_records.work_item(tx, number)
            except OxyWatchError:
                continue
            if item is None or item.state == "failed":
                raise Permanent(
                    f"history {path.name} could not be read",
                    code="history_failed",
                    detail=item.note if item else path.name,
                )
            bars.update(bar, completed=item.progress)
            if item.state == "done":
                await asyncio.to_thread(path.unlink, missing_ok=True)
                return

    async def _start_hospitals(self) -> None:
        """Start the simulator, then the agents, which need to know where its modules answer."""
        self._folder.sim_ready.unlink(missing_ok=True)
        arguments = ["sim", "--state", str(self._folder.sim_state), "--ready", str(self._folder.sim_ready)]
        arguments += ["--truth", str(self._folder.sim_truth)]
        arguments += ["--line-target", f"{self._endpoints.broker_host}:{self._endpoints.broker_port}"]
        if self._options.scenario:
            arguments += ["--scenario", str(self._options.scenario)]
        self._add("simulator", *arguments)
        ready = await self._simulator_ready()
        gateways = self._write_gateways(ready)
        self._add("gateways", "edge", "run", *(str(path) for path in gateways))

    async def _simulator_ready(self) -> Ready:
        for _ in range(round(SIMULATOR_WITHIN_S / LOOK_EVERY_S)):
            if self._folder.sim_ready.exists():
                return msgspec.json.decode(self._folder.sim_ready.read_bytes(), type=Ready)
            await asyncio.sleep(LOOK_EVERY_S)
        raise Permanent(
            "the simulator does not come up",
            code="no_simulator",
            log=str(self._supervisor.log_of("simulator")),
        )

    def _write_gateways(self, ready: Ready | None) -> list[Path]:
        return [
            write_gateway(
                self._folder.gateways,
                self._scenario,
                gateway,
                self._shard,
                self._connection(gateway.code, ready),
                self._options.cadence,
            )
            for gateway in self._scenario.gateways
        ]

    def _connection(self, gateway: str, ready: Ready | None) -> Connection:
        broker = (self._endpoints.broker_host, self._endpoints.broker_port)
        if ready is None:
            return Connection("127.0.0.1", 502, 1, *broker)
        at = ready.gateways[gateway]
        if at.line_host is not None and at.line_port is not None:
            broker = (at.line_host, at.line_port)
        return Connection(at.host, at.port, at.unit, *broker)

    async def _announce(self, password: str | None) -> None:
        address = f"http://{self._endpoints.page_host}:{self._endpoints.page_port}"
        await page_answers(address)
        self._console.print(f"\n  OxyWatch: [bold]{address}[/bold]")
        if password is None:
            self._console.print("  Sign in with the password you chose / Đăng nhập bằng mật khẩu đã đặt")
        else:
            self._console.print(
                f"  User / Tài khoản: [bold]admin[/bold]   "
                f"One-time password / Mật khẩu dùng một lần: [bold]{password}[/bold]",
                soft_wrap=True,
            )
        self._console.print(
            f"  Data / Dữ liệu: {self._folder.root}   Ctrl-C stops / để dừng\n", soft_wrap=True
        )

    def _bars(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        return Progress(*columns, TimeElapsedColumn(), console=self._console)


def _endpoints(options: RunOptions) -> Endpoints:
    broker_host, broker_port = "127.0.0.1", 0
    if options.broker is not None:
        broker_host, broker_port = host_and_port(options.broker)
    return Endpoints(
        records_url=options.records_url,
        telemetry=options.telemetry,
        broker_host=broker_host,
        broker_port=broker_port or free_port("127.0.0.1"),
        page_host=options.host,
        page_port=options.port or page_port(options.host),
        mail_port=free_port("127.0.0.1"),
    )
