#!/usr/bin/env bash
# The first process of a node, in namespaces of its own for processes, mounts, network, host name and IPC: when it ends, all
# that the node ran ends with it, as when a machine loses its power. What outlives it is in its folder, as on a disk.
# usage: node_init.sh NAME FOLDER BIN    (started by node.py, which moves eth0 in afterwards)
set -u
name=$1 folder=$2
export PATH=$3:$PATH

hostname "$name"
# Pods' mounts must reach the daemons and the other way round, never this machine.
mount --make-rshared /
mkdir -p "$folder/log"
mount --bind "$folder/lib" /var/lib
mount --bind "$folder/log" /var/log
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib/cni # addresses given to pods: none are left when the node has been away
mkdir -p /run/containerd /run/lock

ip link set lo up
for _ in {1..200}; do
  [ -e /proc/sys/net/ipv4/conf/eth0 ] && break
  sleep 0.05
done
. "$folder/network.sh" || exit 1

# Starts it again whenever it ends, as an init would.
keep() { # NAME COMMAND...
  while true; do
    "${@:2}" >>"/var/log/$1.log" 2>&1
    echo "$1 left with $?; starting it again" >>"/var/log/$1.log"
    sleep 1
  done
}
keep containerd containerd --config "$folder/containerd.toml" &
for _ in {1..200}; do
  [ -S /run/containerd/containerd.sock ] && break
  sleep 0.05
done
keep kubelet kubelet --config="$folder/kubelet.yaml" --kubeconfig="$folder/kubelet.conf" $(cat "$folder/kubelet.flags") &
keep kube-proxy kube-proxy --config="$folder/kube-proxy.yaml" --hostname-override="$name" &
if [ -e "$folder/csi" ]; then keep csi-loop $(cat "$folder/csi") & fi
touch /run/started
trap 'exit 0' TERM
# Also collects what orphans leave behind.
while true; do
  sleep 3600 &
  wait $!
done
