import ControlProtocol
import Daemon
import Logging
import NIOCore
import NIOPosix
import Snapshots
import Storage
import TestSupport
import Testing

/// A control server on a socket of its own, over a mock pipeline.
struct ServerFixture: Sendable {
    let service = MockService()
    let configuration: Configuration
    var path: String { configuration.socketPath }

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Serves while `body` runs.
    static func serve(
        _ change: (inout Configuration) -> Void = { _ in },
        _ body: @Sendable @escaping (ServerFixture) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        var configuration = Configuration()
        configuration.socketPath = directory.path + "/ubpd.sock"
        change(&configuration)
        let fixture = ServerFixture(configuration: configuration)
        let server = try fixture.makeServer()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            try await body(fixture)
        }
        #expect(try RealDisk().status(fixture.path) == nil)
        _ = consume directory
    }

    func makeServer() throws -> ControlServer {
        let settings = LiveSettings(
            control: configuration.control, policy: try AccessPolicy(configuration.control))
        let clock = SimulatedClock()
        let (service, configuration) = (service, configuration)
        return try ControlServer(
            configuration: configuration, settings: settings,
            table: MethodTable(
                service: service, names: OneName(),
                profileBatch: configuration.control.profileBatch, clock: clock,
                journal: MutationJournal(
                    registry: .inMemory(), clock: clock, logger: Self.logger),
                reloader: Reloader(
                    source: { configuration }, running: configuration, settings: settings,
                    snapshots: service, serviceManager: ServiceManager(notifySocket: nil),
                    clock: clock, logger: Self.logger)),
            logger: Self.logger)
    }

    /// Runs a Python program with `path` as its first argument and a few words of its own.
    func python(_ program: String, _ arguments: String...) async throws -> String {
        let prelude = """
            import json, random, os, select, socket, struct, sys
            def connect(path=sys.argv[1]):
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(60)
                s.connect(path)
                return s
            def request(id, method, **params):
                return json.dumps(
                    {"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\\n"
            def call(s, *args, **params):
                s.sendall(request(*args, **params))
                return json.loads(s.makefile("rb").readline())

            """
        let child = try await Child.python(prelude + program, [path] + arguments)
        #expect(child.status == 0, "\(child.error)")
        return child.output
    }

    /// Connects as a peer that sends and receives lines.
    func withPeer<Result: Sendable>(
        _ body: @Sendable @escaping (inout Peer) async throws -> Result
    ) async throws -> Result {
        let stream = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel)
                }
            }
        return try await stream.executeThenClose { inbound, outbound in
            var peer = Peer(inbound: inbound.makeAsyncIterator(), outbound: outbound)
            return try await body(&peer)
        }
    }

    /// The other end of a connection.
    struct Peer {
        var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        private var framer = LineFramer(byteLimit: 1 << 24)
        private var frames: [LineFramer.Frame] = []

        init(
            inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
            outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) {
            self.inbound = inbound
            self.outbound = outbound
        }

        func send(_ id: Int64, _ method: Method, _ params: JSONValue = [:]) async throws {
            guard case .object(let members) = params else { return }
            let request = Request(id: .number(id), method: method.rawValue, params: members)
            try await outbound.write(ByteBuffer(bytes: request.encoded + [0x0A]))
        }

        /// The next reply; nil when the daemon has closed the connection.
        mutating func receive() async throws -> Reply? {
            while frames.isEmpty {
                guard var buffer = try await inbound.next() else { return nil }
                let bytes = buffer.readBytes(length: buffer.readableBytes) ?? []
                framer.take(bytes.span, into: &frames)
            }
            guard case .line(let line) = frames.removeFirst() else { return nil }
            return try Reply(line: line, byteLimit: 1 << 24)
        }
    }

    /// Waits until `condition` holds; fails the test when it never does.
    static func until(
        _ what: String, _ condition: () throws -> Bool
    ) async throws {
        for _ in 0..<6000 {
            if try condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("waited a minute for \(what)")
    }
}

extension Reply {
    var code: ControlError.Code? {
        guard case .failure(let error) = result else { return nil }
        return error.code
    }
}
