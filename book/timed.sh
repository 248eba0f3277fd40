# Usage: sh timed.sh NAME COMMAND...
# Runs the command, then prints NAME and the seconds that it took.
name=$1
shift
start=$(date +%s)
"$@"
status=$?
echo "$name: $(($(date +%s) - start)) s"
exit $status
