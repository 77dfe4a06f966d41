. "$STEPS/installed.sh"
printf 'https://old.example.com' | kubectl dbtether secret set api URL=-
sleep 1 # so that this Event is listed before the next
printf 'https://new.example.com' >url
printf 'token' >token
