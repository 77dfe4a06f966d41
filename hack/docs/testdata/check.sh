. "$STEPS/installed.sh"
. "$STEPS/registered.sh"
