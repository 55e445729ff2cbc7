# Node 24 and the npm packages of this checkout. The distribution's npm is too old for our lock file (9.2 leaves out
# platform packages and the `node` program), so it fetches only a current npm and Node, pinned by a lock file of their
# own; these two do the rest.

node_bin=$root/node_modules/node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')/bin/node
tools_dir=$root/.pandastack/node

runs_node() { [[ $("$1" --version 2>/dev/null) == v24.* ]]; }

# All that the lock file wants is there, in the wanted version.
node_ready() { runs_node "$node_bin" && "$node_bin" "$root/cli/bootstrap/installed.mjs" "$root"; }

# Whom the machine trusts is trusted, also where a proxy of the operator's own stands before the registries.
tools_npm() {
  NODE_USE_SYSTEM_CA=1 "$tools_dir/node_modules/${node_bin#"$root/node_modules/"}" "$tools_dir/node_modules/npm/bin/npm-cli.js" "$@"
}

tools_ready() {
  cmp -s "$root/cli/bootstrap/node/package-lock.json" "$tools_dir/package-lock.json" &&
    [ "$(tools_npm --version 2>/dev/null)" != '' ]
}

fetch_tools() {
  rm -rf "$tools_dir"
  mkdir -p "$tools_dir"
  cp "$root/cli/bootstrap/node/package.json" "$root/cli/bootstrap/node/package-lock.json" "$tools_dir/"
  (cd "$tools_dir" && npm ci --no-audit --no-fund --ignore-scripts)
  tools_ready
}

npm_ci() { cd "$root" && tools_npm ci --no-audit --no-fund --ignore-scripts; }

install_node() {
  if node_ready; then
    printf '  ok    Node %s and npm packages: up to date\n' "$("$node_bin" --version)"
    return
  fi
  tools_ready || step 'Node 24 and npm 11' fetch_tools
  step 'npm packages' npm_ci
  node_ready || { printf '  fail  the npm packages are not complete after "npm ci"\n' >&2; exit 1; }
}
