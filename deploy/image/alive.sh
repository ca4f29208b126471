#!/bin/sh
# Tells whether a program's event loop still turns: it touches its file every 5 s. Example: alive.sh /tmp/alive 30
set -eu
touched=$(stat -c %Y "$1")
test $(($(date +%s) - touched)) -le "$2"
