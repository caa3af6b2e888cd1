import Daemon
import Storage
import Testing

@Suite struct AccessPolicyTests {
    private func peer(_ user: UInt32, _ groups: UInt32...) -> PeerCredentials {
        PeerCredentials(processID: 1, user: user, groups: groups)
    }

    @Test func `gives roles by user and by any group, the stronger one`() throws {
        var options = Configuration().control
        options.readers = [.userNumber(1000), .groupNumber(50), .userNumber(1001)]
        options.operators = [.groupNumber(60), .userNumber(1001)]
        let policy = try AccessPolicy(options, ownUser: 990)
        #expect(policy.role(of: peer(1000, 1)) == .reader)
        #expect(policy.role(of: peer(1002, 1, 2, 50)) == .reader)
        #expect(policy.role(of: peer(1002, 1, 60, 50)) == .operator)
        #expect(policy.role(of: peer(1001, 1)) == .operator)
        #expect(policy.role(of: peer(1002, 1)) == .none)
        #expect(policy.role(of: peer(0, 0)) == .operator)
        #expect(policy.role(of: peer(990, 990)) == .operator)
    }

    @Test func `looks names up, and refuses those nobody has`() throws {
        var options = Configuration().control
        options.readers = [.groupName("daemon"), .userName("nobody")]
        let policy = try AccessPolicy(options, ownUser: 0)
        // Debian's base-passwd fixes daemon at gid 1 and nobody at uid 65534.
        #expect(policy.role(of: peer(5, 1)) == .reader)
        #expect(policy.role(of: peer(65_534, 9)) == .reader)
        options.operators = [.userName("no-such-user-here")]
        let error = #expect(throws: DaemonError.self) { try AccessPolicy(options, ownUser: 0) }
        #expect(error?.exitCode == 78)
        #expect(error?.description.contains("user:no-such-user-here") == true)
    }
}
