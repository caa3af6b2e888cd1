import Glibc

/// Tells systemd how the service is doing (sd_notify(3)), by a datagram to `NOTIFY_SOCKET`.
///
/// Without that variable nothing is sent, so a daemon started by hand behaves the same.
package struct ServiceManager: Sendable {
    /// One thing to say.
    package enum Notice: Sendable, Equatable {
        case ready
        case stopping
        case status(String)
        case watchdog
        /// The configuration is being read again; CLOCK_MONOTONIC in microseconds.
        case reloading(monotonicMicroseconds: UInt64)
        /// Starting or stopping goes on for at least so long.
        case extendTimeout(microseconds: UInt64)

        /// The lines of the datagram.
        package var text: String {
            switch self {
            case .ready: "READY=1"
            case .stopping: "STOPPING=1"
            case .status(let text):
                "STATUS=" + String(text.prefix(500).map { $0.isNewline ? " " : $0 })
            case .watchdog: "WATCHDOG=1"
            case .reloading(let microseconds):
                "RELOADING=1\nMONOTONIC_USEC=\(microseconds)"
            case .extendTimeout(let microseconds): "EXTEND_TIMEOUT_USEC=\(microseconds)"
            }
        }
    }

    private let address: UnixAddress?
    /// Longest time between two `.watchdog` notices; nil when systemd does not watch.
    package let watchdogMicroseconds: UInt64?

    /// - Parameters:
    ///   - notifySocket: value of `NOTIFY_SOCKET`: a path, `@name`, or nil to be silent.
    ///   - watchdogMicroseconds: value of `WATCHDOG_USEC`.
    package init(notifySocket: String?, watchdogMicroseconds: UInt64? = nil) {
        address = notifySocket.flatMap(UnixAddress.init)
        self.watchdogMicroseconds = watchdogMicroseconds
    }

    /// What the environment of this process says.
    package static func fromEnvironment() -> ServiceManager {
        let isOurs = variable("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        return ServiceManager(
            notifySocket: variable("NOTIFY_SOCKET"),
            watchdogMicroseconds: isOurs ? variable("WATCHDOG_USEC").flatMap { UInt64($0) } : nil)
    }

    /// Whether anybody listens.
    package var isPresent: Bool { address != nil }

    /// Sends the notices in one datagram; false when there is nobody or it could not be sent.
    ///
    /// Never waits: when systemd is behind, the notice is lost, and the next one will do.
    @discardableResult
    package func send(_ notices: Notice...) -> Bool {
        guard let address else { return false }
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        let bytes = Array(notices.map(\.text).joined(separator: "\n").utf8)
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        // SAFETY: the address is valid for the call, as `withSocketAddress` says, and `bytes`
        // is only read, for its own length.
        let count = unsafe address.withSocketAddress {
            unsafe sendto(descriptor, bytes, bytes.count, flags, $0, $1)
        }
        return count == bytes.count
    }

    private static func variable(_ name: String) -> String? {
        // SAFETY: getenv's answer is copied at once; nothing in this program calls setenv.
        guard let text = unsafe getenv(name) else { return nil }
        return unsafe String(cString: text)
    }
}

/// What this process does about signals beyond what its service group handles.
package enum Signals {
    /// Lets the next SIGTERM or SIGINT end the process at once, as the kernel does by default.
    package static func restoreTermination() {
        for number in [SIGTERM, SIGINT] {
            // The default disposition runs no code of ours.
            signal(number, SIG_DFL)
        }
    }
}
