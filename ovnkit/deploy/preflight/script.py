"""The one script that a host is asked to run, and taking apart what it prints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import attrs

__all__ = ["SCRIPT", "Section", "sections"]

_ABSENT: Final = 44
"""The exit status by which a part of the script says that what it looks for is not there."""

# Arguments: the mark that frames each part, the ports of interest as in /proc/net (a pattern), the paths of a
# certificate and of a private key, whether the central databases are to be here ("" for no), and HOST PORT of each
# server to connect to. It reads no key, and writes nothing but a file for a moment where those databases are or are to
# be.
# The brackets keep a search from finding itself. What a part says on standard error is why it has failed.
SCRIPT: Final = r"""
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin
mark=$1; ports=$2; certificate=$3; key=$4; central=$5; shift 5

part() {
  name=$1; shift
  printf '%s begin %s\n' "$mark" "$name"
  { said=$("$@" 2>&1 >&3 3>&-); status=$?; } 3>&1
  printf '\n%s end %s %s %s\n' "$mark" "$name" "$status" "$(printf %s "$said" | tr '\n' ' ')"
}
programs='neutro[n]-|ov[ns]-controlle[r]|ovn-north[d]|ovs-vswitch[d]|ovsdb-serve[r]'
file() { [ -e "$1" ] || return 44; cat -- "$1"; }
have() { command -v "$1" >/dev/null; }
# Of the first PID namespace the kernel has fixed the number.
view() {
  [ "$(readlink /proc/self/ns/pid)" = 'pid:[4026531836]' ] && echo processes
  if root=$(stat -L -c %d:%i /proc/1/root/ 2>/dev/null); then
    [ "$root" = "$(stat -c %d:%i /)" ] || return 0
  elif [ -e /.dockerenv ] || [ -e /run/.containerenv ]; then
    return 0
  fi
  echo files
}
modules_of() {
  path=/lib/modules/$(cat /proc/sys/kernel/osrelease)/$1
  [ -e "$path" ] || return 44
  grep -E '(openvswitch|vport|geneve|vxlan|nf_conntrack|nf_nat)[^/]*[.]ko' "$path"
  [ $? -le 1 ]
}
modules_load() {
  cat /etc/modules-load.d/*.conf /run/modules-load.d/*.conf /usr/lib/modules-load.d/*.conf /etc/modules 2>/dev/null
  :
}
mount_count() { wc -l </proc/self/mountinfo; }
netns_mounts() { grep -E ' (/var)?/run/netns[ /]' /proc/self/mountinfo | head -n 2000; }
apparmor() { [ -d /sys/module ] || return 1; file /sys/module/apparmor/parameters/enabled; }
engines() { for engine in docker podman; do if have "$engine"; then echo "$engine"; fi; done; }
mount_flags() {
  { [ -d /run/systemd/system ] && have systemctl; } || return 44
  systemctl show -p LoadState -p MountFlags docker.service
}
processes() {
  [ -d /proc/1 ] || { echo "processes of others are hidden from this user" >&2; return 1; }
  here=$(readlink /proc/self/ns/net); mounts=$(readlink /proc/self/ns/mnt)
  for file in $(grep -lasE "$programs" /proc/[0-9]*/cmdline); do
    process=${file%/cmdline}
    net=$(readlink "$process/ns/net" 2>/dev/null)
    # One that has just ended has no words any more.
    if [ -z "$net" ] && grep -qasE "$programs" "$file"; then
      echo "this user may not look at process ${process#/proc/}" >&2
      return 1
    fi
    [ "$net" = "$here" ] && process "$process" "$mounts" 2>/dev/null
  done
  :
}
process() {
  words=$(tr '\0\n' '\t ' <"$1/cmdline") || return
  own=same; row=
  if [ "$(readlink "$1/ns/mnt")" != "$2" ]; then
    own=own; row=$(grep -E ' (/var)?/run/netns ' "$1/mountinfo" | tail -n 1)
  fi
  limit=$(sed -n 's/^Max open files *\([0-9a-z]*\).*/\1/p' "$1/limits")
  profile=$(cat "$1/attr/current" | tr -d '\0')
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "${1#/proc/}" "$(stat -c %U "$1")" "$own" "$profile" "$limit" \
    "$row" "$(sockets_of "$1")" "$(pinned "$1")" "$words"
}
# As its own files have them. A symbolic link such as that of /var/run would lead out of them.
sockets_of() {
  named=$(tr '\0' '\n' <"$1/cmdline" |
    sed -n -e 's/^--remote=punix://p' -e 's/^unix://p' -e 's/^tcp:.*/-/p' -e 's/^ssl:.*/-/p')
  if [ -z "$named" ]; then
    run=$(tr '\0' '\n' <"$1/environ" | sed -n 's/^OVS_RUNDIR=//p')
    named=${run:-/var/run/openvswitch}/db.sock
  fi
  printf '%s\n' "$named" | while read -r path; do
    case $path in
      -) echo - ;;
      /var/run/*) stat -L -c %d:%i "$1/root${path#/var}" || stat -L -c %d:%i "$1/root$path" ;;
      *) stat -L -c %d:%i "$1/root$path" ;;
    esac
  done | tr '\n' ' '
}
pinned() {
  tr '\0' '\n' <"$1/cmdline" | grep -E '^/[^ ]+[.]db$' | while read -r path; do
    if grep -qF " $path " "$1/mountinfo"; then printf '%s ' "$path"; fi
  done
}
# What ovn-controller was told by its command line, which it takes before its database.
told() {
  here=$(readlink /proc/self/ns/net)
  for file in $(grep -lasE 'ovn-controlle[r]' /proc/[0-9]*/cmdline); do
    path=$(tr '\0' '\n' <"$file" | sed -n -e "s/^--$1=//p" -e "/^-$2\$/{n;p;}" | head -n 1)
    if [ -n "$path" ] && [ "$(readlink "${file%/cmdline}/ns/net")" = "$here" ]; then
      echo "${file%/cmdline}/root$path"
      return
    fi
  done 2>/dev/null
}
pidfiles() {
  for file in "${OVN_RUNDIR-/var/run/ovn}"/*.pid "${OVS_RUNDIR-/var/run/openvswitch}"/*.pid; do
    [ -s "$file" ] || continue
    number=$(tr -cd 0-9 <"$file")
    state=gone
    if [ -n "$number" ] && grep -qasE "$programs" "/proc/$number/cmdline"; then state=runs; fi
    printf '%s\t%s\t%s\n' "$file" "$number" "$state"
  done
}
listening() {
  cat "/proc/net/$1" >/dev/null || return 1
  grep -hsE "^ *[0-9]+: [0-9A-F]+:($ports) [0-9A-F]+:[0-9A-F]+ (0A|07) " "/proc/net/$1" "/proc/net/${1}6"
  [ $? -le 1 ] || [ ! -e "/proc/net/${1}6" ]
}
owners() {
  [ "$(id -u)" = 0 ] || { echo "it takes root to see whose a socket is" >&2; return 1; }
  inodes=$({ listening tcp; listening udp; } | awk '{ print $10 }') || return 1
  search=
  for inode in $inodes; do search="$search -o -lname socket:[[]$inode[]]"; done
  [ -n "$search" ] || return 0
  set -f
  # Processes that end meanwhile make find fail.
  for path in $(set +f; directories=$(echo /proc/[0-9]*/fd); set -f; find $directories ${search# -o} 2>/dev/null); do
    printf '%s %s\n' "$(readlink "$path")" "$(cat "${path%/fd/*}/comm")"
  done 2>/dev/null
  :
}
links() { ip -j address; }
sysctls() {
  grep -Hs . /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv6/conf/all/disable_ipv6 \
    /proc/sys/net/ipv4/neigh/default/gc_thresh* /proc/sys/net/ipv6/neigh/default/gc_thresh*
  [ $? -le 2 ]
}
nft_rules() {
  have nft || return 44
  rules=$(nft list ruleset) || return 1
  printf '%s\n' "$rules" | grep -E 'chain |hook |dport|drop|reject'
  :
}
iptables_rules() {
  have iptables-save || return 44
  rules=$(iptables-save) || return 1
  printf '%s\n' "$rules" | grep -E '^:INPUT|^-A INPUT|--dport'
  :
}
namespaces() {
  [ -d /run/netns ] || return 0
  ls /run/netns | grep -E '^(qrouter|qdhcp|snat|fip|qlbaas)-'
  :
}
socket_files() {
  for file in "${OVN_RUNDIR-/var/run/ovn}"/* "${OVS_RUNDIR-/var/run/openvswitch}"/*; do
    if [ -S "$file" ]; then stat -c '%a %n' "$file"; fi
  done
}
place() {
  directory=${OVN_DBDIR-/var/lib/ovn}
  while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
}
disk() { place; df -PTk "$directory"; }
sync_time() {
  place
  [ -n "$central" ] || ls "$directory"/ovn[ns]b_db.db >/dev/null 2>&1 || return 44
  written=$(mktemp "$directory/.ovnkit-preflight.XXXXXX") || return 1
  dd if=/dev/zero of="$written" bs=4096 count=10 oflag=dsync conv=notrunc 2>&1; status=$?
  rm -f -- "$written"
  return $status
}
schemas() {
  have ovsdb-tool || { echo "there is no ovsdb-tool" >&2; return 1; }
  for name in OVN_Northbound:ovn-nb OVN_Southbound:ovn-sb; do
    path=${OVN_PKGDATADIR-/usr/share/ovn}/${name#*:}.ovsschema
    if [ -e "$path" ]; then printf '%s=%s\n' "${name%:*}" "$(ovsdb-tool schema-version "$path")"; fi
  done
}
x509() {
  [ -n "$certificate" ] && [ -e "$certificate" ] || return 44
  openssl x509 -in "$certificate" -noout -subject -enddate -nameopt RFC2253
}
key_file() { [ -n "$key" ] && [ -e "$key" ] || return 44; stat -L -c '%a %U' "$key"; }
controller_release() {
  if have ovn-controller; then ovn-controller --version; return; fi
  for engine in docker podman; do
    if have "$engine"; then "$engine" exec ovn_controller ovn-controller --version 2>/dev/null && return; fi
  done
  return 44
}
probe() {
  said=$(timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1); status=$?
  printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$status" "$(printf %s "$said" | head -n 1)"
}
probes() {
  have bash && have timeout || { echo "it takes bash and timeout to connect" >&2; return 1; }
  while [ $# -gt 1 ]; do probe "$1" "$2" & shift 2; done
  wait
}

exec </dev/null
found=$(told certificate c); certificate=${found:-$certificate}
found=$(told private-key p); key=${found:-$key}
part release cat /proc/sys/kernel/osrelease
part hostname cat /proc/sys/kernel/hostname
part view view
part modules file /proc/modules
part modules_shown ls /sys/module
part modules_built_in modules_of modules.builtin
part modules_loadable modules_of modules.dep
part modules_load modules_load
part mount_count mount_count
part mount_max cat /proc/sys/fs/mount-max
part mounts netns_mounts
part apparmor apparmor
part engines engines
part mount_flags mount_flags
part processes processes
part tcp listening tcp
part udp listening udp
part owners owners
part links links
part sysctls sysctls
part nft nft_rules
part iptables iptables_rules
part namespaces namespaces
part system_id_conf file "${OVS_SYSCONFDIR-/etc}/openvswitch/system-id.conf"
part system_id_override file "${OVN_SYSCONFDIR-/etc}/ovn/system-id-override"
part pidfiles pidfiles
part socket_files socket_files
part disk disk
part sync sync_time
part schemas schemas
part certificate x509
part key key_file
part ovn_release controller_release
part probes probes "$@"
part clock date +%s
"""


@attrs.frozen
class Section:
    """What one part of the script has printed, its exit status, and what it said was wrong."""

    text: str
    status: int
    said: str = ""

    @property
    def absent(self) -> bool:
        """Whether what it looks for is not there."""
        return self.status == _ABSENT

    @property
    def reason(self) -> str:
        """Why it failed."""
        return self.said.strip() or f"it ended with status {self.status} and said nothing"


def sections(printed: str, mark: str) -> Mapping[str, Section]:
    """The parts of what the script has printed, by name; one that did not come to its end is not among them."""
    frame = re.compile(
        rf"^{re.escape(mark)} begin (\w+)\n(.*?)\n?^{re.escape(mark)} end \1 (\d{{1,3}}) ?([^\n]*)$",
        re.MULTILINE | re.DOTALL,
    )
    return {found[1]: Section(found[2], int(found[3]), found[4]) for found in frame.finditer(printed)}
