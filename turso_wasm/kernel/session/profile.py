"""EXPLAIN ANALYZE: how often each node of a plan runs, how many rows it gives, and how long it takes.

Time runs for one node at a time, the owner. What lies between two changes of the owner is a stretch; each is of the
owner that it began with. Asking the clock costs more than handling a row, so of the stretches that begin at the same
place of the code the first MEASURED are timed, then one in EVERY, which stands for so many; unless it is UNUSUAL times
as long as those of its owner are, as when the processor did something else meanwhile. What the questions take is taken
off. In the end the times are what they must be together: that of the whole run.

Invariant:
  F1  While `weight` is not 0 the stretch is timed, since `started`, and stands for `weight` of its kind.
"""

from turso_wasm.kernel.abi import Profile, ProfilePoint
from turso_wasm.kernel.base.vfs import host_clock
from turso_wasm.wasm.lang import bits, export, f64, fmax, i32, i64, nearest, ptr, sizeof

__subset__ = True

MEASURED = 64
EVERY = 31
UNUSUAL = 32.0
QUESTIONS = 16  # to find out what one takes


@export
def profile_begin(p: Profile, point: ProfilePoint) -> None:
    """The statement starts, which `point` is about."""
    before: f64 = 0.0
    for _ in range(QUESTIONS):
        before = host_clock()
        p.question = host_clock() - before
    p.owner = i32(point)
    point.loops += i64(1)
    profile_continue(p)


@export
def profile_enter(p: Profile, point: ProfilePoint) -> i32:
    """The node of `point` begins to give rows; who had the time before."""
    before: i32 = p.owner
    point.loops += i64(1)
    change(p, i32(point), point.loops)
    return before


@export
def profile_row(p: Profile, point: ProfilePoint, owner: i32) -> None:
    """It hands over a row to `owner`."""
    point.rows += i64(1)
    change(p, owner, point.rows)


@export
def profile_resume(p: Profile, point: ProfilePoint) -> None:
    """It has the time again, for its next row."""
    change(p, i32(point), point.rows)


@export
def profile_leave(p: Profile, point: ProfilePoint, owner: i32) -> None:
    """It has no more rows."""
    change(p, owner, point.loops)


@export
def profile_pause(p: Profile) -> None:
    """The statement is left."""
    now: f64 = host_clock()
    p.ms += now - p.entered
    stop(p, now)


@export
def profile_continue(p: Profile) -> None:
    """The statement is entered, or entered again."""
    p.entered = host_clock()
    p.weight = 1
    p.started = p.entered


@export
def profile_end(p: Profile, points: ptr[ProfilePoint], n: i32) -> None:
    """The statement has ended; its n points are where `points` is."""
    profile_pause(p)
    sum: f64 = 0.0
    for i in range(n):
        point: ProfilePoint = ProfilePoint(i32(points) + i * sizeof(ProfilePoint))
        point.ms = fmax(point.ms, 0.0)
        sum += point.ms
    if sum > 0.0:
        for i in range(n):
            point = ProfilePoint(i32(points) + i * sizeof(ProfilePoint))
            point.ms *= fmax(p.ms, 0.0) / sum


@export
def profile_add(into: ProfilePoint, point: ProfilePoint) -> None:
    """The time of `point` is part of that of `into`."""
    into.ms += point.ms


@export
def profile_ms(point: ProfilePoint) -> i64:
    """The bits of the milliseconds spent, to a microsecond."""
    return bits(nearest(point.ms * 1000.0) / 1000.0)


def change(p: Profile, owner: i32, n: i64) -> None:
    """The time is `owner`'s from now on, for the n-th time at this place of the code."""
    stop(p, host_clock() if p.weight else 0.0)
    p.owner = owner
    p.weight = 1
    if n > i64(MEASURED):
        p.weight = 0 if n % i64(EVERY) else EVERY
    if p.weight:
        start(p)


def start(p: Profile) -> None:
    """A stretch that is timed begins; what a question takes is found out again."""
    before: f64 = host_clock()
    p.started = host_clock()
    question: f64 = p.started - before
    if question < p.question * 4.0 or p.question == 0.0:
        p.question += (question - p.question) / 16.0
    p.ms -= p.question * 3.0


def stop(p: Profile, now: f64) -> None:
    """The stretch ends, at `now` if it is timed."""
    if p.weight == 0:
        return
    point: ProfilePoint = ProfilePoint(p.owner)
    spent: f64 = now - p.started - p.question
    if p.weight > 1 and spent * f64(point.timed) > point.timed_ms * UNUSUAL:
        p.weight = 1
    point.timed += 1
    point.timed_ms += spent
    point.ms += spent * f64(p.weight)
    p.weight = 0
