// csi-loop is a CSI driver for tests: a volume is XFS in a file of this machine, mounted through a loop device. So a volume
// really gets full, really grows online, and can be mounted by any node, as one of a cloud's block stores can.
//
// Started without --node it is the controller (create, delete, grow the file); with --node it is the node's side (mount, grow
// the file system), which also registers itself with the kubelet.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const (
	driverName      = "loop.e2e.millrace.dev"
	driverVersion   = "1"
	pluginsRegistry = "/var/lib/kubelet/plugins_registry"
)

func main() {
	endpoint := flag.String("endpoint", "", "the socket to serve CSI on")
	volumes := flag.String("volumes", "", "the folder of the volumes' files")
	node := flag.String("node", "", "the name of the node this runs on; none for the controller")
	flag.Parse()
	if *endpoint == "" || *volumes == "" {
		log.Fatal("--endpoint and --volumes must be given")
	}

	server := grpc.NewServer(grpc.UnaryInterceptor(logFailures))
	files := volumeFolder{*volumes}
	csi.RegisterIdentityServer(server, identityServer{})
	if *node == "" {
		csi.RegisterControllerServer(server, controllerServer{files: files})
	} else {
		csi.RegisterNodeServer(server, nodeServer{node: *node, files: files})
		go register(*endpoint)
	}
	log.Fatal(server.Serve(listen(*endpoint)))
}

// listen makes the socket anew: one left by an earlier run would refuse us.
func listen(path string) net.Listener {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		log.Fatal(err)
	}
	os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	return listener
}

// register serves what the kubelet asks of a socket that appears in its registry.
func register(endpoint string) {
	server := grpc.NewServer()
	registration.RegisterRegistrationServer(server, registrar{endpoint: endpoint})
	log.Fatal(server.Serve(listen(filepath.Join(pluginsRegistry, driverName+"-reg.sock"))))
}
