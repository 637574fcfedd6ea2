#!/bin/sh
# Starts a test in Node. Debian 12's Node 18 has WebCrypto but not as a global, which the strangers' libraries expect.
node=${MITRAL_NODE:-node}
major=$("$node" -p 'process.versions.node.split(".")[0]') || exit 77
if [ "$major" -lt 20 ]; then exec "$node" --experimental-global-webcrypto "$@"; fi
exec "$node" "$@"
