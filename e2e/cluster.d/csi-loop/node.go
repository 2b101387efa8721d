package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// nodeServer mounts volumes on the node it runs on. XFS refuses a file system that is mounted already, under whatever
// loop device: that keeps two nodes from writing to one volume.
type nodeServer struct {
	csi.UnimplementedNodeServer
	node  string
	files volumeFolder
}

func (n nodeServer) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.node}, nil
}

func (n nodeServer) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	var answer csi.NodeGetCapabilitiesResponse
	for _, kind := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		answer.Capabilities = append(answer.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: kind}}})
	}
	return &answer, nil
}

func (n nodeServer) NodeStageVolume(_ context.Context, request *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	file, err := n.files.file(request.VolumeId)
	if err != nil {
		return nil, err
	}
	if mountedDevice(request.StagingTargetPath) != "" {
		return &csi.NodeStageVolumeResponse{}, nil
	}
	device, err := run("losetup", "--find", "--show", file)
	if err != nil {
		return nil, err
	}
	// From here on the device goes when its last user does: after the mount, or now if that fails.
	defer run("losetup", "--detach", device)
	_, _ = run("losetup", "--direct-io=on", device)
	if _, err := run("blkid", "-p", device); err != nil {
		// --unsupported: below 300 MB, too, which is enough for a test of a full disk.
		if _, err := run("mkfs.xfs", "-q", "--unsupported", device); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(request.StagingTargetPath, 0o750); err != nil {
		return nil, internal(err)
	}
	if _, err := run("mount", "-t", "xfs", device, request.StagingTargetPath); err != nil {
		return nil, err
	}
	return &csi.NodeStageVolumeResponse{}, n.grow(request.StagingTargetPath)
}

func (n nodeServer) NodeUnstageVolume(_ context.Context, request *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	return &csi.NodeUnstageVolumeResponse{}, unmount(request.StagingTargetPath)
}

func (n nodeServer) NodePublishVolume(_ context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	if mountedDevice(request.TargetPath) != "" {
		return &csi.NodePublishVolumeResponse{}, nil
	}
	if err := os.MkdirAll(request.TargetPath, 0o750); err != nil {
		return nil, internal(err)
	}
	if _, err := run("mount", "--bind", request.StagingTargetPath, request.TargetPath); err != nil {
		return nil, err
	}
	if request.Readonly {
		_, err := run("mount", "-o", "remount,bind,ro", request.TargetPath)
		return &csi.NodePublishVolumeResponse{}, err
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

func (n nodeServer) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	return &csi.NodeUnpublishVolumeResponse{}, unmount(request.TargetPath)
}

func (n nodeServer) NodeExpandVolume(_ context.Context, request *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	if err := n.grow(request.VolumePath); err != nil {
		return nil, err
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: request.GetCapacityRange().GetRequiredBytes()}, nil
}

func (n nodeServer) NodeGetVolumeStats(_ context.Context, request *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	var facts syscall.Statfs_t
	if err := syscall.Statfs(request.VolumePath, &facts); err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	block := facts.Bsize
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: int64(facts.Blocks) * block, Available: int64(facts.Bavail) * block,
			Used: int64(facts.Blocks-facts.Bfree) * block},
		{Unit: csi.VolumeUsage_INODES, Total: int64(facts.Files), Available: int64(facts.Ffree), Used: int64(facts.Files - facts.Ffree)},
	}}, nil
}

// grow makes device and file system as large as the file is.
func (n nodeServer) grow(path string) error {
	device := mountedDevice(path)
	if device == "" {
		return status.Errorf(codes.NotFound, "nothing is mounted at %s", path)
	}
	if _, err := run("losetup", "--set-capacity", device); err != nil {
		return err
	}
	_, err := run("xfs_growfs", path)
	return err
}

// mountedDevice is the device mounted at the path, or empty.
func mountedDevice(path string) string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return ""
	}
	device := ""
	for _, line := range strings.Split(string(mounts), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == path {
			device = fields[0]
		}
	}
	return device
}

func unmount(path string) error {
	if mountedDevice(path) != "" {
		if _, err := run("umount", path); err != nil {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return internal(err)
	}
	return nil
}

func run(name string, arguments ...string) (string, error) {
	output, err := exec.Command(name, arguments...).CombinedOutput()
	text := strings.TrimSpace(string(output))
	if err != nil {
		return text, status.Errorf(codes.Internal, "%s %s: %v: %s", name, strings.Join(arguments, " "), err, text)
	}
	return text, nil
}
