#!/bin/sh
cat "$(dirname "$0")/list.json"
