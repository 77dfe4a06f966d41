. "$STEPS/installed.sh"
