"""Steal and switches: what the kernel counts for a thread, and for all of them."""

from threading import Event, Thread

from aethermodel.measure.host.steal_and_switches import Reading


def test_what_another_thread_waits_for_is_not_this_ones():
    event = Event()
    this, all_of_them = Reading.now(this_thread=True), Reading.now()

    def wait_often():
        for _ in range(1000):
            event.wait(1e-5)

    other = Thread(target=wait_often)
    other.start()
    other.join()
    own = Reading.now(this_thread=True).waits - this.waits
    assert Reading.now().waits - all_of_them.waits >= own + 500
