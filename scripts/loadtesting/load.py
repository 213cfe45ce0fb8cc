# SPDX-License-Identifier: Apache-2.0
"""What scenarios are written with: single requests, bursts, open loops and closed loops."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from .arrivals import poisson
from .dialect import Dialect
from .exchange import Answer, Exchange, Target
from .prompts import Shape
from .record import ABANDONED, COMPLETED, UNFINISHED, Record, read_stepwise
from .watch import Sample, Watch

RETRY_SECONDS = 1.0
"""What a closed loop waits after a refusal that does not say for how long, and after a failure."""
MAX_RETRY_SECONDS = 30.0
PIECES_AT_ONCE = 16
"""Pieces of finished answers that are read before the sockets have their turn again."""

Shapes = Callable[[random.Random], tuple[str, Shape, float | None]]
"""Draws the next request of a mix: its group, its shape, and after how many seconds it is abandoned."""


class LoadFailed(Exception):
    """The server does not do what a scenario rests on."""


class Load:
    """One load test in progress: sends requests and keeps a record of each."""

    def __init__(
        self, target: Target, dialect: Dialect, watch: Watch, seed: int, salt: int, timeout: float
    ) -> None:
        self.records: list[Record] = []
        self.marks: list[tuple[float, str]] = []
        self.watch = watch
        self._target = target
        self._dialect = dialect
        self._prompts = dialect.prompts(salt)
        self._timeout = timeout
        self._seed = seed
        self._loops = itertools.count()
        self._start = 0.0
        self._open: set[Exchange] = set()
        self._unread: deque[Iterator[Record | None]] = deque()
        self._reader: asyncio.Task[None]
        self._arrived = asyncio.Event()
        self._all_read = asyncio.Event()
        self._all_read.set()

    # Time

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def mark(self, label: str) -> None:
        """Note a moment for the plots."""
        self.marks.append((self.now, label))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The time in which requests are sent: the server is watched, answers are read."""
        self._start = time.monotonic()
        self.watch.begin(self._start)
        self._reader = asyncio.create_task(self._read())
        try:
            yield
        finally:
            self._reader.cancel()
            await self.watch.end()

    # Requests

    def send(self, group: str, shape: Shape, due: float | None = None) -> Exchange:
        """Begin a request now. Its latencies count from `due`, of the monotonic clock, if that is given."""
        return self._begin(group, shape, self._body(shape), due)

    async def one(self, group: str, shape: Shape) -> Record:
        """Send a request and await its record."""
        await self.send(group, shape).done
        await self.settled()
        return self.of(group, outcome=None)[-1]

    async def burst(self, group: str, count: int, shape: Shape) -> None:
        """Send `count` requests at the same moment and await them all."""
        bodies = [self._body(shape) for _ in range(count)]
        due = time.monotonic()
        await asyncio.gather(*(self._begin(group, shape, body, due).done for body in bodies))

    async def closed(
        self,
        clients: int,
        shapes: Shapes,
        count: int | None = None,
        duration: float | None = None,
    ) -> None:
        """`clients` that each send their next request when the last one is answered.

        Ends with `count` requests, or with those that were begun within `duration` seconds. A client that
        is refused waits as long as `Retry-After` says.
        """
        draws = self._draws()
        end = time.monotonic() + duration if duration is not None else None
        numbers = range(count) if count is not None else itertools.count()

        async def client(numbers: Iterator[int]) -> None:
            for _ in numbers:
                if end is not None and time.monotonic() >= end:
                    return
                group, shape, patience = shapes(draws)
                exchange = self.send(group, shape)
                self._abandon_after(exchange, patience)
                await asyncio.sleep(self._pause(await exchange.done))

        shared = iter(numbers)
        await asyncio.gather(*(client(shared) for _ in range(clients)))

    async def open(self, rate: float, duration: float, shapes: Shapes, drain: float) -> None:
        """Requests that are due whether or not others are answered: Poisson arrivals, `rate` a second.

        After the last, answers have `drain` seconds; what is left then counts as unfinished.
        """
        draws = self._draws()
        begun = time.monotonic()
        for offset in poisson(rate, duration, draws.getrandbits(64)):
            group, shape, patience = shapes(draws)
            body = self._body(shape)
            await asyncio.sleep(max(0, begun + offset - time.monotonic()))
            exchange = self._begin(group, shape, body, begun + offset)
            self._abandon_after(exchange, patience)
        await asyncio.sleep(max(0, begun + duration - time.monotonic()))
        if self._open:
            await asyncio.wait([exchange.done for exchange in self._open], timeout=drain)
        self.leave_all(UNFINISHED)

    async def all_begun(self, count: int) -> None:
        """Until `count` requests are open and each has a first piece of its answer.

        Raises LoadFailed if that does not come about.
        """
        end = time.monotonic() + self._timeout
        while len(self._open) < count or not all(one.began.done() for one in self._open):
            if time.monotonic() > end:
                raise LoadFailed(f"the server does not stream {count} answers at a time")
            await asyncio.sleep(0.05)

    def leave_all(self, outcome: str = ABANDONED) -> None:
        """Close the connections of all requests that are open."""
        for exchange in list(self._open):
            exchange.finish(outcome)

    async def look(self) -> Sample:
        """A sample of the server at this moment."""
        return await self.watch.look(time.monotonic())

    async def settled(self) -> None:
        """Until the records of all requests that have ended are there."""
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(self._all_read.wait())
        await asyncio.wait({waiting, self._reader}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            self._reader.result()  # It ends by an error only.

    def of(self, group: str, outcome: str | None = COMPLETED) -> list[Record]:
        """The records of a group, of one outcome or of all."""
        return [
            record
            for record in self.records
            if record.group == group and outcome in (None, record.outcome)
        ]

    # Inside

    def _draws(self) -> random.Random:
        """Random numbers of one loop's own, the same in every run with the same seed."""
        return random.Random(f"loop {self._seed} {next(self._loops)}")

    def _body(self, shape: Shape) -> bytes:
        return self._dialect.body(self._prompts.make(shape), shape.output_tokens)

    def _begin(self, group: str, shape: Shape, body: bytes, due: float | None) -> Exchange:
        request = self._target.request("POST", "/v1/completions", body)
        exchange = self._target.start(request, self._timeout)
        scheduled = exchange.answer.sent if due is None else due
        self._open.add(exchange)
        exchange.done.add_done_callback(lambda _: self._keep(group, shape, scheduled, exchange))
        return exchange

    def _keep(self, group: str, shape: Shape, scheduled: float, exchange: Exchange) -> None:
        self._open.discard(exchange)
        answer = exchange.answer
        left = answer.fault if answer.fault in (ABANDONED, UNFINISHED) else None
        reading = read_stepwise(group, shape.output_tokens, scheduled, answer, self._start, left)
        self._unread.append(reading)
        self._arrived.set()
        self._all_read.clear()

    async def _read(self) -> None:
        """Read answers while no socket has anything, a few pieces at a time."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._unread:
                answer = self._unread[0]
                for record in itertools.islice(answer, PIECES_AT_ONCE):
                    if record is not None:
                        self._unread.popleft()
                        self.records.append(record)
                await asyncio.sleep(0)
            self._all_read.set()

    def _abandon_after(self, exchange: Exchange, patience: float | None) -> None:
        if patience is not None:
            timer = asyncio.get_running_loop().call_later(patience, exchange.finish, ABANDONED)
            exchange.done.add_done_callback(lambda _: timer.cancel())

    def _pause(self, answer: Answer) -> float:
        if answer.fault == ABANDONED or (answer.fault is None and answer.status == 200):
            return 0
        asked = RETRY_SECONDS if answer.retry_after is None else answer.retry_after
        return min(max(asked, 0.05), MAX_RETRY_SECONDS)


def always(group: str, shape: Shape) -> Shapes:
    """A mix of one kind."""
    return lambda _: (group, shape, None)
