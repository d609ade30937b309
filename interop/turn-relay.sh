#!/usr/bin/env bash
# How many ChannelData a second turn-server relays on one core, beside coturn on the same core, in interleaved rounds; and
# what the generator can send and count without a relay, so that one sees that it is not the limit.
#
# usage: interop/turn-relay.sh [ROUNDS [SECONDS]]      needs coturn, taskset and at least four cores
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} seconds=${2:-3} relay_core=0 other_cores=1-3
cargo build --quiet --release --bin turn-server --bin turn
bin=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
user=alice:secret
taskset -c $relay_core "$bin/turn-server" --listen 127.0.0.1:34780 --user $user --realm example.org \
    --allow-peer 127.0.0.0/8 --per-user 1000 --per-address 1000 >"$work/ours.log" 2>&1 &
ours=$!
taskset -c $relay_core turnserver -n --log-file stdout --no-cli --no-tls --no-dtls -m 1 -p 34790 -L 127.0.0.1 -E 127.0.0.1 \
    --lt-cred-mech -u $user -r example.org --allow-loopback-peers --pidfile "$work/pid" --userdb "$work/db" >"$work/coturn.log" 2>&1 &
coturn=$!
trap 'kill $ours $coturn; rm -rf "$work"' EXIT
sleep 1.5

measure() { taskset -c $other_cores "$bin/turn" --user $user --load "$seconds" "$@" | sed 's/.*relayed \([0-9]*\) a second/\1/'; }
median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

printf '%-52s %12s %12s %6s %12s\n' "1000 octets each, relayed a second" turn-server coturn ratio "no relay"
for load in "--clients 1 --burst 1" "--clients 8 --burst 1" "--clients 100 --burst 1" "--clients 8 --burst 16" "--clients 100 --burst 16"; do
    : >"$work/a"; : >"$work/b"; : >"$work/c"
    for ((round = 0; round < rounds; round++)); do
        # shellcheck disable=SC2086 # the options are words
        measure --server 127.0.0.1:34780 $load >>"$work/a"
        # shellcheck disable=SC2086
        measure --server 127.0.0.1:34790 $load >>"$work/b"
        # shellcheck disable=SC2086
        measure --direct $load >>"$work/c"
    done
    a=$(median <"$work/a") b=$(median <"$work/b") c=$(median <"$work/c")
    printf '%-52s %12s %12s %6s %12s\n' "$load" "$a" "$b" "$(awk "BEGIN { printf \"%.2f\", $a / $b }")" "$c"
done
