. "$STEPS/installed.sh"
printf 'a' | kubectl dbtether secret set app-secrets SESSION_KEY=-
printf 'b' | kubectl dbtether secret set app-secrets CSRF_KEY=-
