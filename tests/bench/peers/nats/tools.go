//go:build tools

// Keeps the server's version in go.mod: it is built from the same module.
package main

import _ "github.com/nats-io/nats-server/v2"
