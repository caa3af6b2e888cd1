import Glibc

/// Who stands at the other end of a connected `AF_UNIX` socket, as the kernel says (unix(7)).
///
/// These are the ids that the peer had when it connected; it cannot forge them.
package struct PeerCredentials: Sendable, Equatable {
    /// Process id; 0 when it is outside our namespace.
    package let processID: Int32
    /// Effective user id.
    package let user: UInt32
    /// Effective group id first, then the supplementary ones.
    package let groups: [UInt32]

    package init(processID: Int32, user: UInt32, groups: [UInt32]) {
        self.processID = processID
        self.user = user
        self.groups = groups
    }

    /// SO_PEERGROUPS of asm-generic/socket.h, Linux 4.13; Glibc's module does not export it.
    private static let peerGroupsOption: Int32 = 59

    /// Asks the kernel about the peer of `descriptor`, a connected stream socket.
    package init(descriptor: Int32) throws(StorageError) {
        // struct ucred: pid, uid, gid, 32 bits each.
        let identity = try Self.option(SO_PEERCRED, of: descriptor, wordCount: 3)
        guard identity.count == 3 else {
            throw .failed(
                operation: "SO_PEERCRED", path: "socket", errno: EINVAL, reason: "short answer")
        }
        processID = Int32(bitPattern: identity[0])
        user = identity[1]
        // NGROUPS_MAX is 65536. A kernel without the option knows the first group only.
        let others =
            (try? Self.option(Self.peerGroupsOption, of: descriptor, wordCount: 65_536)) ?? []
        groups = [identity[2]] + others.filter { $0 != identity[2] }
    }

    private static func option(
        _ name: Int32, of descriptor: Int32, wordCount: Int
    )
        throws(StorageError) -> [UInt32]
    {
        var words = [UInt32](repeating: 0, count: wordCount)
        var byteCount = socklen_t(4 * wordCount)
        // SAFETY: the kernel writes at most `byteCount` bytes, which is what `words` holds.
        let result = unsafe getsockopt(descriptor, SOL_SOCKET, name, &words, &byteCount)
        guard result == 0 else {
            throw .failed(
                operation: "getsockopt \(name)", path: "socket", errno: errno,
                reason: SystemCall.text(errno))
        }
        return Array(words.prefix(Int(byteCount) / 4))
    }
}

/// Names of users and groups, by the machine's databases (getpwnam_r(3), getgrnam_r(3)).
///
/// A lookup may block for as long as the machine's name service does; only configuration does it.
package enum Accounts {
    /// The user this process acts as.
    package static var ownUser: UInt32 { geteuid() }

    /// This process's id.
    package static var ownProcess: Int32 { getpid() }

    /// Number of the user of that name; nil when there is none.
    package static func userNumber(named name: String) -> UInt32? {
        // SAFETY: an entry of null pointers; the lookup fills it.
        var entry = unsafe passwd()
        var buffer = [CChar](repeating: 0, count: 16_384)
        var found: UnsafeMutablePointer<passwd>?
        // SAFETY: the call writes into the three variables only, which outlive it, and nothing
        // but the number is read from `entry` afterwards.
        let result = unsafe getpwnam_r(name, &entry, &buffer, buffer.count, &found)
        return unsafe result == 0 && found != nil ? entry.pw_uid : nil
    }

    /// Number of the group of that name; nil when there is none.
    package static func groupNumber(named name: String) -> UInt32? {
        // SAFETY: an entry of null pointers; the lookup fills it.
        var entry = unsafe group()
        // A group's entry lists its members; 1 MiB is some ten thousand of them.
        var buffer = [CChar](repeating: 0, count: 1 << 20)
        var found: UnsafeMutablePointer<group>?
        // SAFETY: the call writes into the three variables only, which outlive it, and nothing
        // but the number is read from `entry` afterwards.
        let result = unsafe getgrnam_r(name, &entry, &buffer, buffer.count, &found)
        return unsafe result == 0 && found != nil ? entry.gr_gid : nil
    }
}
