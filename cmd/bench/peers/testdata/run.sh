#!/bin/sh
# Stands for the script that measures peers, called as `run.sh -n 1 -p PROGRAM WORKLOAD`.
[ "$1 $2 $3 $#" = "-n 1 -p 5" ] || exit 2
case "$4 $5" in
"limits W1")
	echo "raw-tcp W1 p50_us 40.5"
	echo "libp2p-tls+store-A.par-log-B.log W1 p50_us 400"
	;;
"nats W1") # one of two fails
	echo "nats-js-default W1 p50_us 200"
	printf 'FATAL: \033[31mno\nfailed: nats always W1\n' >&2
	;;
"mqtt W1") # says what it must not
	echo "mosquitto-qos2 W1 p50_us 1e+03"
	echo "mosquitto-qos2 W2 p50_us 1"
	echo "earshot W1 p50_us 1"
	echo "target W1 p50_us 1"
	echo "mosquitto-qos2 W1 p50_us NaN"
	printf 'mosquitto-qos2 \033[2J W1 p50_us 1\n'
	;;
"xmpp W1") exit 3 ;;
"tox W1") yes "tox-spin W1 p50_us 1" ;; # never ends
"limits W4") ;;
"nats W4")
	echo "nats-js-default W4 to10_p50_us 1"
	yes no | head -n 100000 >&2
	;;
"limits W6") # is there when nats is, within some seconds
	i=0
	while [ ! -e "$BENCH_DIR/both" ] && [ $i -lt 3000000 ]; do i=$((i + 1)); done
	[ ! -e "$BENCH_DIR/both" ] || echo "libp2p-floor W6 rss_mib 1"
	;;
"nats W6")
	: >"$BENCH_DIR/both"
	echo "nats-js-default W6 rss_mib 1"
	;;
"limits W7")
	exec 9>"$BENCH_DIR/pipe"
	echo open >&9
	echo "bbolt W7 last50_p50_us 1"
	timeout 300 sleep 300 # in a process group of its own
	;;
*) exit 4 ;;
esac
