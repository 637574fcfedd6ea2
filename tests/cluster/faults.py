"""The faults, as a table: name, what it needs, what happens. Each leaves everything whole again."""
import time


def until(what, bound, condition):
    end = time.monotonic() + bound
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {bound} s: {what}")
        time.sleep(0.1)


def kill_node(world, length):
    """kill -9 of a node; it starts again."""
    node = world.nodes[-1]
    node.kill()
    world.out.add(node.name)
    time.sleep(min(length, 2))
    node.start()
    world.out.discard(node.name)
    time.sleep(length / 2)


def kill_primary(world, length):
    """kill -9 of the primary; the standby is promoted, and the dead one comes back as its standby."""
    old, new = world.primary, world.standby
    old.kill()
    time.sleep(0.5)
    new.promote()
    world.primary, world.standby = new, old
    time.sleep(length)
    old.make_standby_of(new)
    old.start()
    new.follow_synchronously()
    time.sleep(length / 2)


def cut_node(world, length):
    """A node is cut off from its database, not from its clients: it must say that it is not ready, and let nobody in."""
    node = world.nodes[0]
    node.machine.cut_from_databases()
    until("a node without its database says so at /readyz", 15, lambda: node.ready() != 200)
    time.sleep(length)
    node.machine.join_databases()
    until("it recovers by itself", 30, lambda: node.ready() == 200)


def full_disk(world, length):
    """The database's disk is full; then there is room again."""
    empty = world.fill_disk()
    time.sleep(length)
    empty()
    for database in world.databases:
        if database.process.poll() is not None:  # PostgreSQL gives up when its log finds no room; its supervisor starts it again
            database.start()
    if world.databases:
        world.primary.follow_synchronously()
    for node in world.nodes:
        until(f"{node.name} recovers by itself", 30, lambda: node.ready() == 200)


def slow_fsync(world, length):
    """Every fsync of the database takes 100 ms longer."""
    shims = [d.shim for d in world.databases] or [n.shim for n in world.nodes]
    for shim in shims:
        shim.set(fsync_delay_ms=100)
    time.sleep(length)
    for shim in shims:
        shim.set()
    time.sleep(1)


def clock_jump(world, length):
    """The clock of a node goes five minutes ahead, then five behind, then right again.

    A node never lets its own time go back, for what has expired must stay so. One that can ask a database what time it is finds out
    that it was wrong; one with SQLite can't, says at /readyz that its clock moved, and is started again by its operator."""
    node = world.nodes[0]
    world.clock_wrong = True
    for ahead in (300, -300):
        node.shim.set(clock_ahead_s=ahead)
        time.sleep(length / 2)
    node.shim.set()
    time.sleep(0.5)
    if world.storage == "sqlite":
        node.stop()
        node.start()
    world.clock_wrong = False
    until("it recovers by itself", 30, lambda: node.ready() == 200)
    time.sleep(1)


def rolling_restart(world, length):
    """Node after node is taken out by the load balancer, ended and started again."""
    for node in world.nodes:
        if len(world.nodes) > 1:
            world.out.add(node.name)
            time.sleep(0.3)
        status = node.stop()
        if status != 0:
            raise RuntimeError(f"{node.name} ended with {status}")
        node.start()
        world.out.discard(node.name)
        time.sleep(length / 4)


#         name               storage                   act
FAULTS = [("node killed",        ("sqlite", "postgres"), kill_node),
          ("disk full",          ("sqlite", "postgres"), full_disk),
          ("primary killed",     ("postgres",),          kill_primary),
          ("node cut off",       ("postgres",),          cut_node),
          ("fsync slow",         ("sqlite", "postgres"), slow_fsync),
          ("clock jumps",        ("sqlite", "postgres"), clock_jump),
          ("rolling restart",    ("sqlite", "postgres"), rolling_restart)]
