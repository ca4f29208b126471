#!/bin/sh
# Starts the broker with the roles that deploy/prepare.py wrote. The plugin writes to its file, so it works on
# a copy; changes made over its control topic do not outlive a restart.
set -eu
umask 077
cp /run/secrets/dynamic-security.json /mosquitto/data/dynamic-security.json
exec mosquitto -c /mosquitto/config/mosquitto.conf
