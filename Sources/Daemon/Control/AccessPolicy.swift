import Storage

/// What a peer of the control socket may do.
package enum Role: Int, Sendable, Comparable {
    case none = 0
    /// May ask.
    case reader = 1
    /// May ask and change.
    case `operator` = 2

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Who has which role, by the kernel's word on who a peer is (SO_PEERCRED).
package struct AccessPolicy: Sendable, Equatable {
    private var readers = Members()
    private var operators = Members()

    private struct Members: Sendable, Equatable {
        var users: Set<UInt32> = []
        var groups: Set<UInt32> = []

        func contains(_ peer: PeerCredentials) -> Bool {
            users.contains(peer.user) || peer.groups.contains(where: groups.contains)
        }
    }

    /// Looks up the names in `options` once; root and `ownUser` are operators in any case.
    package init(
        _ options: Configuration.ControlOptions, ownUser: UInt32 = Accounts.ownUser
    ) throws(DaemonError) {
        operators.users = [0, ownUser]
        try Self.add(options.readers, key: "control.readers", to: &readers)
        try Self.add(options.operators, key: "control.operators", to: &operators)
    }

    private static func add(
        _ principals: [Principal], key: String, to members: inout Members
    )
        throws(DaemonError)
    {
        for principal in principals {
            switch principal {
            case .userNumber(let number): members.users.insert(number)
            case .groupNumber(let number): members.groups.insert(number)
            case .userName(let name):
                guard let number = Accounts.userNumber(named: name) else {
                    throw .unknownPrincipal(key: key, principal: principal)
                }
                members.users.insert(number)
            case .groupName(let name):
                guard let number = Accounts.groupNumber(named: name) else {
                    throw .unknownPrincipal(key: key, principal: principal)
                }
                members.groups.insert(number)
            }
        }
    }

    /// The role of a peer.
    package func role(of peer: PeerCredentials) -> Role {
        if operators.contains(peer) { return .operator }
        return readers.contains(peer) ? .reader : .none
    }
}
