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
    /// Sockets that it has bound for this process and listens on.
    package let passedSockets: [Int32]

    /// - Parameters:
    ///   - notifySocket: value of `NOTIFY_SOCKET`: a path, `@name`, or nil to be silent.
    ///   - watchdogMicroseconds: value of `WATCHDOG_USEC`.
    ///   - passedSockets: descriptors of socket activation.
    package init(
        notifySocket: String?, watchdogMicroseconds: UInt64? = nil, passedSockets: [Int32] = []
    ) {
        address = notifySocket.flatMap(UnixAddress.init)
        self.watchdogMicroseconds = watchdogMicroseconds
        self.passedSockets = passedSockets
    }

    /// What the environment of this process says.
    package static func fromEnvironment() -> ServiceManager {
        let variable = EnvironmentVariable.value
        let isOurs = variable("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        return ServiceManager(
            notifySocket: variable("NOTIFY_SOCKET"),
            watchdogMicroseconds: isOurs ? variable("WATCHDOG_USEC").flatMap { UInt64($0) } : nil,
            passedSockets: passedSockets(
                pid: variable("LISTEN_PID"), count: variable("LISTEN_FDS"), own: getpid()))
    }

    /// The descriptors from 3 on that `LISTEN_PID` and `LISTEN_FDS` speak of (sd_listen_fds(3)).
    ///
    /// None when they were meant for another process; at most 64, which is more than any use has.
    package static func passedSockets(pid: String?, count: String?, own: Int32) -> [Int32] {
        guard let pid, pid == String(own), let count = count.flatMap({ Int32($0) }),
            (1...64).contains(count)
        else { return [] }
        return Array(3..<(3 + count))
    }

    /// Whether anybody listens.
    package var isPresent: Bool { address != nil }

    /// Sends the notices in one datagram; false when there is nobody or it could not be sent.
    ///
    /// Never waits: when systemd is behind, the notice is lost, and the next one will do.
    @discardableResult
    package func send(_ notices: Notice...) -> Bool { send(notices) }

    /// The same, of a list.
    @discardableResult
    package func send(_ notices: [Notice]) -> Bool {
        guard let address else { return false }
        return address.send(Array(notices.map(\.text).joined(separator: "\n").utf8))
    }
}

/// The environment of this process.
enum EnvironmentVariable {
    /// The value of the variable `name`; nil when it is not set.
    static func value(_ name: String) -> String? {
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
