#!/bin/bash
# Started by systemd in the guest: starts both units, looks at them, kills the host, stops it. Prints
# lines `name: value` for tests/operations/test_on_systemd.py.
export PYTHONPATH=/opt/bot4/src
bot4=/opt/bot4/bin/bot4
is() { systemctl show -p "$2" --value "$1"; }
metric() { curl -s --max-time 20 http://127.0.0.1:8404/metrics | grep -F "$1 " | cut -d' ' -f2; }
until_is() { for _ in $(seq 100); do [ "$("${@:2}")" = "$1" ] && break; sleep 1; done; }
mode() { "$bot4" status --run-dir /run/bot4 | sed -n 's/^mode *//p'; }

systemctl start systemd-journald port
systemctl start bot4-dashboard bot4
for unit in bot4 bot4-dashboard; do echo "$unit: $(is $unit ActiveState)"; done
echo "mode: $(mode)"
until_is 1.0 metric 'bot4_mode{mode="EMERGENCY"}'
guard=$(pgrep -o -u bot4 -f host.guard)
echo "guard scheduler: $(ps -o cls=,rtprio= -p "$guard" | xargs)"
echo "guard locked kB: $(sed -n 's/^VmLck:\s*\([0-9]*\).*/\1/p' "/proc/$guard/status")"
for pid in $(pgrep -u bot4) $(pgrep -u bot4-web); do
    echo "capabilities: $(sed -n 's/^CapPrm:\s*//p' "/proc/$pid/status")"
    echo "seccomp: $(sed -n 's/^Seccomp:\s*//p' "/proc/$pid/status")"
done
echo "processes of root: $(pgrep -u root -f '/opt/bot4/bin' | wc -l)"
echo "web as: $(ps -o user= -p "$(pgrep -o -u bot4-web)")"
echo "dashboard mode: $(metric 'bot4_mode{mode="EMERGENCY"}')"
echo "dashboard pages: $(metric 'bot4_source_up{source="pages"}')"
before=$(is bot4 MainPID)
kill -9 "$before"
sleep 2
until_is active is bot4 ActiveState
echo "restarted: $([ "$(is bot4 MainPID)" != "$before" ] && is bot4 NRestarts)"
echo "mode after restart: $(mode)"
echo "journals kept: $(ls /run/bot4 | grep -c journal)"
systemctl stop bot4
echo "stopped: $(is bot4 ActiveState) $(is bot4 ExecMainStatus)"
echo "log: $("$bot4" audit verify /var/lib/bot4/audit | head -1)"
mv /etc/bot4/link.key /etc/bot4/link.key.away
systemctl start bot4
sleep 10
echo "without a key: $(is bot4 ActiveState) $(is bot4 ExecMainStatus) $(is bot4 NRestarts)"
systemctl exit 0
