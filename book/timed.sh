# Usage: sh timed.sh NAME COMMAND...   runs the command, then prints how long it took.
name=$1
shift
start=$(date +%s)
"$@"
status=$?
echo "$name: $(($(date +%s) - start)) s"
exit $status
