"""The queue in the app: what is to be trained begins at once where there is room, and waits where there is none.

What waits is kept on disk (`workbench.queue.store`). It begins when a training of the app has ended.
"""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import TrainingError, WorkbenchError
from workbench.queue.entries import TrainingOrder
from workbench.queue.store import FOLDER, Claim, QueueRow, QueueState, TrainingQueue
from workbench.tui.context import TrainingState
from workbench.tui.messages import QueueChanged
from workbench.tui.services.detached import plugin_options, run_detached

if TYPE_CHECKING:
    from workbench.tui.context import AppContext, LiveTraining, TrainableRecipe
    from workbench.tui.messages import SharedMessage

AT_ONCE = "queue.at-once"  # the name in the app's state


class QueueService:
    """Begins trainings, now or when it is their turn.

    Args:
        app: whose trainings they are.
        post: takes `QueueChanged`.

    Attributes:
        rows: what is in the queue, as it was looked at last.
        held: nothing begins by itself.
        claimed: the trainings of this app that came from the queue, by their number there.
    """

    def __init__(self, app: AppContext, post: Callable[[SharedMessage], None]) -> None:
        self._app = app
        self._post = post
        self._queue = TrainingQueue(app.working_directory / FOLDER)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._taking = asyncio.Lock()
        self._closed = False
        self._handed_over: subprocess.Popen[bytes] | None = None
        self.rows: Sequence[QueueRow] = ()
        self.held = False
        self.claimed: dict[int, LiveTraining] = {}

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(row.state is QueueState.WAITING for row in self.rows)

    @property
    def length(self) -> int:
        """How many trainings wait, or run beside the one that is shown."""
        return self.waiting + sum(each is not self._app.training for each in self._app.worker.live)

    @property
    def goes_on(self) -> bool:
        """Whether something waits that is to begin by itself."""
        return self.waiting > 0 and not self.held

    @property
    def at_once(self) -> int:
        """How many trainings of the app there may be at once."""
        return max(1, self._app.state.get(AT_ONCE, 1))

    def set_at_once(self, number: int) -> None:
        """Let there be so many trainings at once, and begin what waits where there is room now."""
        self._app.state.set(AT_ONCE, max(1, number))
        self._spawn(self._go_on())

    def hold(self, held: bool) -> None:
        """Let nothing begin by itself, or go on."""
        self.held = held
        self._post(QueueChanged())
        self._spawn(self._go_on())

    def train(self, recipe: TrainableRecipe, *, run: str = "") -> bool:
        """Train a recipe: now, or when it is its turn.

        Args:
            run: the folder of the run to go on with; "" for a new one.

        Returns:
            Whether it has begun.
        """
        order = TrainingOrder(recipe.name, recipe.text, recipe.folder, run=run)
        if not self._room:
            self._spawn(self._add(order))
            return False
        training = self._begin(order, show=True)
        self._spawn(self._attend(training, None))
        return True

    async def begin(self, number: int) -> bool:
        """Begin a training of the queue now, beside what is being trained.

        Returns:
            False if it does not wait any more.
        """
        try:
            async with self._taking:
                claim = await asyncio.to_thread(self._queue.take, number)
        except WorkbenchError as error:
            self._app.notice(error)
            return False
        if claim is not None:
            self._begin_claimed(claim)
        await self.look()
        return claim is not None

    async def change(self, change: Callable[[TrainingQueue], object]) -> bool:
        """Change the queue; an error is shown.

        Returns:
            False if it could not be changed.
        """
        try:
            await asyncio.to_thread(change, self._queue)
        except WorkbenchError as error:
            self._app.notice(error, "warning")
            return False
        finally:
            await self.look()
        self._spawn(self._go_on())
        return True

    async def look(self) -> None:
        """Look what is in the queue now."""
        try:
            rows = await asyncio.to_thread(self._queue.rows)
        except WorkbenchError as error:
            self._app.notice(error)
            return
        if list(rows) != list(self.rows):
            self.rows = rows
            self._post(QueueChanged())

    async def start(self) -> None:
        """At the start of the app: what waits from the last time is not begun before the user says so."""
        await self.look()
        if self.waiting:
            self.held = True
            count = f"{self.waiting} trainings wait" if self.waiting > 1 else "a training waits"
            hint = "Q shows the queue; h lets it go on. Without the app: kwb queue run."
            self._app.notice(WorkbenchError(f"{count} in the queue.", hint=hint), "information")
            self._post(QueueChanged())

    def hand_over(self, after: Sequence[str]) -> str:
        """Have a process that lives on when the app ends train what waits.

        Args:
            after: the names of runs that it waits for first.

        Returns:
            Its command line.

        Raises:
            WorkbenchError: it cannot be started.
        """
        self.close()
        words = ["queue", "run", "--workers", str(self.at_once)]
        words += [word for run in after for word in ("--after", run)]
        log = self._queue.folder / "logs" / "app.log"
        self._handed_over = run_detached(
            [*words, *plugin_options(self._app)], self._app.working_directory, log
        )
        return f"kwb {shlex.join(words)}"

    async def settle(self) -> None:
        """Wait until the queue on disk says what became of the trainings that have ended, before the app does."""
        while any(not training.state.live for training in self.claimed.values()):
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """Begin nothing any more: the app is being left."""
        self._closed = True

    def open(self) -> None:
        """It is not left after all."""
        self._closed = False

    # ------------------------------------------------------------------ beginning and ending

    @property
    def _room(self) -> bool:
        return len(self._app.worker.live) < self.at_once

    def _begin(self, order: TrainingOrder, *, show: bool) -> LiveTraining:
        more: dict[str, Any] = {"overrides": list(order.overrides)} if order.overrides else {}
        more |= {"resume": order.run} if order.run else {}
        return self._app.worker.train(order, show=show, **more)

    def _begin_claimed(self, claim: Claim) -> None:
        # Whoever looks at a training, or at the run of another process, goes on looking at it.
        shown = self._app.training
        training = self._begin(
            claim.training.order,
            show=self._app.watched is None and not (shown is not None and shown.state.live),
        )
        self.claimed[claim.training.number] = training
        self._app.notice(f"'{training.name}' begins, from the queue.", "information")
        self._spawn(self._attend(training, claim))

    async def _add(self, order: TrainingOrder) -> None:
        try:
            await asyncio.to_thread(self._queue.add, order)
        except WorkbenchError as error:
            self._app.notice(error)
            return
        await self.look()
        live = self._app.worker.live
        until = (
            f"It begins when '{live[0].name}' has ended." if live and not self.held else "The queue is held."
        )
        self._app.notice(
            WorkbenchError(f"'{order.name}' waits in the queue.", hint=f"{until} Q shows the queue."),
            "information",
        )
        await self._go_on()  # what was in the way may have ended meanwhile

    async def _attend(self, training: LiveTraining, claim: Claim | None) -> None:
        """Wait for the end of a training, keep the queue as it is then, and begin the next one."""
        try:
            await training.begun.wait()
            if claim is not None and training.run_folder is not None:
                await asyncio.to_thread(claim.begun, training.run_folder)
                await self.look()
            await training.ended.wait()
            if claim is not None:
                await self._settle(training, claim)
        except WorkbenchError as error:
            self._app.notice(error)
        finally:
            if claim is not None:
                claim.leave()
                self.claimed.pop(claim.training.number, None)
        await self._go_on()

    async def _settle(self, training: LiveTraining, claim: Claim) -> None:
        if training.state is TrainingState.FAILED:
            error = training.error or TrainingError("it failed.")
            await asyncio.to_thread(claim.failed, error)
            self._app.notice(
                WorkbenchError(f"'{training.name}' failed: {error.what}", hint="Q shows the queue.")
            )
        else:
            await asyncio.to_thread(claim.done)

    async def _go_on(self) -> None:
        """Begin what waits, as long as there is room."""
        try:
            async with self._taking:
                while self._room and not self.held and not self._closed:
                    claim = await asyncio.to_thread(self._queue.take)
                    if claim is None:
                        break
                    if self._closed or self.held or not self._room:  # meanwhile
                        claim.leave()
                        break
                    self._begin_claimed(claim)
        except WorkbenchError as error:
            self._app.notice(error)
        await self.look()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
