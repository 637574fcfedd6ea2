#!/bin/sh
# Starts Mitral in the foreground for a bench of several servers: a copy of the seed installation on PORT, in DATA_DIR.
set -eu
if [ -z "${MITRAL_KEEP_DATA:-}" ] || [ ! -f "$DATA_DIR/mitral.toml" ]; then
  rm -rf "$DATA_DIR"
  cp -r "$MITRAL_SEED" "$DATA_DIR"
  sed -i "s|$MITRAL_SEED|$DATA_DIR|g" "$DATA_DIR/mitral.toml"
fi
exec "$MITRAL_BINARY" -c "$DATA_DIR/mitral.toml" serve
