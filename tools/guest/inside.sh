#!/bin/sh
# Runs as root inside the guest: a Soft-RoCE device on a dummy link, then the command.
# The exit status goes to the job folder, the one place shared with the host.
job=$1
shift
fail() {
    echo "guest: $*" >&2
    echo 125 > "$job/status"
    exit 125
}
for module in rdma_rxe ib_uverbs rdma_ucm dummy; do
    modprobe "$module" || fail "the guest kernel has no module $module"
done
ip link set lo up
# With a hardware address, or udev gives it another after a moment, and the device loses its way.
ip link add dummy0 address 02:00:00:00:00:00 type dummy || fail "cannot make a dummy link"
ip address add 10.77.0.1/24 dev dummy0
ip link set dummy0 up
rdma link add rxe0 type rxe netdev dummy0 || fail "cannot make the Soft-RoCE device rxe0"
# The IPv4-mapped GID appears with the address, a moment after the device.
tries=0
until grep -qs ffff:0a4d:0001 /sys/class/infiniband/rxe0/ports/1/gids/*; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || fail "rxe0 has no IPv4-mapped GID"
    sleep 0.1
done
sh "$job/command"
status=$?
echo "$status" > "$job/status"
exit "$status"
