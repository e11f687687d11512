# Crosses slowly, then meets a rate limit, and then says nothing of what it did.
cat >/dev/null
echo run >> "$HERE/../runs"
case $(grep -c run "$HERE/../runs") in
1) exec sleep 30 ;;
2) echo "rate limit reached" >&2; exit 1 ;;
*) echo over > ferry.txt; echo "I went over." ;;
esac
