#!/bin/sh
# Keeps $MODELS like $SOURCE (an rclone remote): <model>/<version>/. A version appears whole or not at all, and
# counts from the moment its saved_model.pb is in the store: upload that file last. What the store drops goes.
set -eu

once() {
    # An error of the listing must not look like an empty store.
    rclone lsf --recursive --files-only --include '/*/*/saved_model.pb' "$SOURCE" >"$MODELS/.listed.new"
    # Nor is an empty store what anybody wants served.
    [ -s "$MODELS/.listed.new" ] || { echo "no model in $SOURCE" >&2; return 1; }
    sed 's,/saved_model.pb$,,' "$MODELS/.listed.new" >"$MODELS/.listed"
    while read -r version; do
        [ -d "$MODELS/$version" ] || fetch "$version"
    done <"$MODELS/.listed"
    for folder in "$MODELS"/*/*/; do
        [ -d "$folder" ] || continue
        version=${folder#"$MODELS"/}
        grep -qxF "${version%/}" "$MODELS/.listed" || drop "${version%/}"
    done
}

fetch() {
    rm -rf "$MODELS/.incoming"
    rclone copy "$SOURCE/$1" "$MODELS/.incoming"
    mkdir -p "$(dirname "$MODELS/$1")"
    mv "$MODELS/.incoming" "$MODELS/$1"
    echo "have $1"
}

drop() {
    # Away at once: the model server never sees half of it.
    rm -rf "$MODELS/.outgoing"
    mv "$MODELS/$1" "$MODELS/.outgoing"
    rm -rf "$MODELS/.outgoing"
    echo "dropped $1"
}

# `set -e` does not hold inside of what `if` tests, so a shell of its own does the work.
if [ "${1:-follow}" = once ]; then
    once
else
    # The first process of a container hears SIGTERM only where it says so, and a shell only while it waits.
    trap 'exit 0' TERM
    while true; do
        sh "$0" once &
        if wait $!; then touch "$MODELS/.synced"; else echo "failed; trying again" >&2; fi
        sleep "${EVERY_SECONDS:-30}" &
        wait $!
    done
fi
