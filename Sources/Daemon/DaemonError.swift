import Pipeline
import Storage

/// Why the daemon does not start or has to stop; each case has its sysexits(3) code.
package enum DaemonError: Error, CustomStringConvertible {
    case configuration(ConfigurationError)
    /// `control.readers` or `control.operators` names somebody this machine does not know.
    case unknownPrincipal(key: String, principal: Principal)
    /// Another process serves the control socket, or something else stands at its path.
    case socketTaken(path: String)
    /// The service manager passed something else than the control socket.
    case passedSocket(path: String, reason: String)
    /// The control socket cannot be made.
    case socket(StorageError)
    /// The pipeline failed.
    case pipeline(PipelineError)
    /// A bug: what nobody expected.
    case unexpected(String)

    package var description: String {
        switch self {
        case .configuration(let error): error.description
        case .unknownPrincipal(let key, let principal):
            "\(key): this machine knows no \(principal); create it, or take it out of the list"
        case .socketTaken(let path):
            "\(path): another daemon serves this socket, or it is a file of another kind; "
                + "stop that daemon, or choose another path with `socket` or --socket"
        case .passedSocket(let path, let reason):
            "socket activation: \(reason); let ListenStream= of ubpd.socket be \(path), which is "
                + "`socket` of the configuration, and nothing else, or stop ubpd.socket"
        case .socket(let error):
            "control socket: \(error); check that its directory exists and is writable"
        case .pipeline(let error): error.description
        case .unexpected(let text): "\(text); this is a bug, please report it"
        }
    }

    /// Exit status by sysexits(3).
    package var exitCode: Int32 {
        switch self {
        case .configuration, .unknownPrincipal, .passedSocket: ExitStatus.configuration
        case .socketTaken: ExitStatus.unavailable
        case .socket: ExitStatus.cannotCreate
        case .pipeline(.storage): ExitStatus.inputOutput
        case .pipeline(.stopping), .pipeline(.stateDirectoryInUse): ExitStatus.unavailable
        case .pipeline(.otherLog): ExitStatus.data
        case .pipeline, .unexpected: ExitStatus.software
        }
    }
}

/// Exit statuses by sysexits(3), which docs/control.md lists.
package enum ExitStatus {
    package static let usage: Int32 = 64
    package static let data: Int32 = 65
    package static let unavailable: Int32 = 69
    package static let software: Int32 = 70
    package static let cannotCreate: Int32 = 73
    package static let inputOutput: Int32 = 74
    package static let configuration: Int32 = 78
}
