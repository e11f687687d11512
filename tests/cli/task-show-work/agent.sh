# Fails, says that it is not done, does half of it, and then all.
cat >/dev/null
count=$(cat ../count 2>/dev/null || echo 0)
echo $((count + 1)) > ../count
case $count in
0) for i in 1 2 3 4 5 6 7; do echo "line $i" >&2; done; exit 3 ;;
1) echo bong > bell.txt; echo "The rope is not done." ;;
2) echo "This is done." ;;
3) echo hemp > rope.txt; printf 'I made a rope.\n\033[31mAll of it is\tdone.\033[0m\n' ;;
4) echo "better hemp" > rope.txt; echo "The better rope is done." ;;
esac
