import ControlProtocol
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Storage
import Synchronization

/// Serves the control socket until its service group shuts down.
///
/// Requests of one connection are carried out one after the other, in the order sent; connections
/// run beside each other. A peer that sends rubbish gets an error and keeps its connection; one
/// that does not read is not read from, and is closed when nothing has moved for the idle time.
package final class ControlServer: Service {
    private let settings: LiveSettings
    private let table: MethodTable
    private let logger: Logger
    private let listener: ListeningSocket
    private let group: MultiThreadedEventLoopGroup
    private let connections = Mutex<[ObjectIdentifier: Entry]>([:])
    private let requestsInFlight = Atomic<Int>(0)
    /// Requests that wait for something to happen; they are not among those in flight.
    private let watches = Atomic<Int>(0)

    private struct Entry {
        let channel: any Channel
        let activity: ConnectionActivity
    }

    /// Takes the socket's path, or the socket that was `passed` by the service manager, bound to it;
    /// peers may connect from here on and are answered once `run` runs.
    package convenience init(
        configuration: Configuration, policy: AccessPolicy, table: MethodTable, logger: Logger,
        passed: [Int32] = []
    ) throws(DaemonError) {
        try self.init(
            configuration: configuration,
            settings: LiveSettings(control: configuration.control, policy: policy), table: table,
            logger: logger, passed: passed)
    }

    /// The same, by settings that may change while it serves.
    package init(
        configuration: Configuration, settings: LiveSettings, table: MethodTable, logger: Logger,
        passed: [Int32] = []
    ) throws(DaemonError) {
        self.settings = settings
        self.table = table
        self.logger = logger
        listener = try Self.listener(configuration, passed)
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    }

    private static func listener(
        _ configuration: Configuration, _ passed: [Int32]
    ) throws(DaemonError) -> ListeningSocket {
        let path = configuration.socketPath
        guard passed.count <= 1 else {
            throw .passedSocket(path: path, reason: "\(passed.count) sockets were passed")
        }
        do throws(StorageError) {
            if let descriptor = passed.first {
                return try ListeningSocket(adopting: descriptor, path: path)
            }
            return try ListeningSocket(
                path: path, mode: configuration.control.mode, backlog: 128)
        } catch {
            switch error {
            case .exists(let path): throw .socketTaken(path: path)
            case .failed("adopt", let path, _, let reason):
                throw .passedSocket(path: path, reason: reason)
            default: throw .socket(error)
            }
        }
    }

    /// Serves until the service group shuts down or the task is cancelled; then the socket's file
    /// is removed, requests under way are answered, and the connections closed.
    package func run() async throws {
        defer { listener.removeFile() }
        let server = try await bind()
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await serve(server)
            } onCancel: {
                server.channel.close(promise: nil)
            }
        } onGracefulShutdown: {
            self.listener.removeFile()
            server.channel.close(promise: nil)
            self.closeConnections()
        }
        try await group.shutdownGracefully()
    }

    private func bind() async throws -> NIOAsyncChannel<ControlConnection, Never> {
        let settings = settings
        return try await ServerBootstrap(group: group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(listener.descriptor) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let now = settings.current
                    let options = now.control
                    return try ControlConnection(
                        accepting: channel, idleSeconds: options.idleSeconds,
                        requestBytes: { peer in
                            let role = peer.map(now.policy.role) ?? .none
                            return role == .operator
                                ? max(options.requestBytes, options.operatorRequestBytes)
                                : options.requestBytes
                        })
                }
            }
    }

    private func serve(_ server: NIOAsyncChannel<ControlConnection, Never>) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            try await server.executeThenClose { inbound in
                for try await connection in inbound {
                    group.addTask { await self.serve(connection) }
                }
            }
        }
    }

    private func closeConnections() {
        let entries = connections.withLock { Array($0.values) }
        for entry in entries where entry.activity.requestClose() {
            entry.channel.close(promise: nil)
        }
    }

    // MARK: One connection

    private func serve(_ connection: ControlConnection) async {
        let channel = connection.channel.channel
        let entry = Entry(channel: channel, activity: connection.activity)
        // One that is refused is never counted: it holds no place while it is told so.
        let limit = settings.current.control.connections
        let isAdmitted = connections.withLock { open in
            guard open.count < limit else { return false }
            open[ObjectIdentifier(channel)] = entry
            return true
        }
        defer { connections.withLock { $0[ObjectIdentifier(channel)] = nil } }
        do {
            try await connection.channel.executeThenClose { inbound, _ in
                guard isAdmitted else {
                    let error = ControlError(
                        .busy, "\(limit) connections are open already",
                        hint: "close one, or raise control.connections")
                    try await write(Reply(id: .null, result: .failure(error)), to: channel)
                    return
                }
                try await serve(connection, inbound)
            }
        } catch {
            // The peer went away in the middle; there is nobody left to tell.
            logger.debug("connection lost", metadata: ["error": "\(error)"])
        }
    }

    private func serve(
        _ connection: ControlConnection, _ inbound: NIOAsyncChannelInboundStream<LineFramer.Frame>
    ) async throws {
        for try await frame in inbound {
            guard connection.activity.beginAnswer() else { break }
            let reply = await reply(to: frame, of: connection)
            connection.activity.beginWriting()
            if let reply { try await write(reply, to: connection.channel.channel) }
            guard connection.activity.finish() else { break }
        }
    }

    /// Returns when the kernel has the whole reply, so that one reply a peer is held at most.
    private func write(_ reply: Reply, to channel: any Channel) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: reply.line))
    }

    // MARK: One request

    /// The answer to one line; nil for a notification.
    private func reply(
        to frame: LineFramer.Frame, of connection: ControlConnection
    ) async
        -> Reply?
    {
        let request: Request
        switch frame {
        case .tooLong(let limit):
            let error = ControlError(
                .tooLarge, "a request line of more than \(limit) bytes",
                hint: "ask in batches, or raise control.request_bytes")
            return Reply(id: .null, result: .failure(error))
        case .line(let line):
            do throws(Request.Refusal) {
                request = try Request(line: line, byteLimit: line.count)
            } catch {
                return Reply(id: error.id, result: .failure(error.error))
            }
        }
        let result =
            request.method == Method.profileWatch.rawValue
            ? await watchResult(of: request, connection)
            : await boundedResult(of: request, peer: connection.peer)
        return request.id.map { Reply(id: $0, result: result) }
    }

    private func boundedResult(
        of request: Request, peer: PeerCredentials?
    ) async
        -> Result<JSONValue, ControlError>
    {
        let count = requestsInFlight.add(1, ordering: .relaxed).newValue
        defer { requestsInFlight.subtract(1, ordering: .relaxed) }
        // Looked at for each request, so that a reload counts for open connections, too.
        let now = settings.current
        let limit = now.control.requestsInFlight
        guard count <= limit else {
            return .failure(
                ControlError(
                    .busy, "\(limit) requests are being answered already",
                    hint: "ask again in a moment, or raise control.requests_in_flight"))
        }
        let isNoted = Method(rawValue: request.method)?.needsOperator ?? false
        let result = await table.answer(
            request, of: Asker(role: peer.map(now.policy.role) ?? .none, peer: peer),
            connections: connections.withLock { $0.count })
        if isNoted { note(request, result, peer) }
        return result
    }

    /// The answer to a request that waits: for as long as the peer is there, and beside all others.
    private func watchResult(
        of request: Request, _ connection: ControlConnection
    ) async -> Result<JSONValue, ControlError> {
        let count = watches.add(1, ordering: .relaxed).newValue
        defer { watches.subtract(1, ordering: .relaxed) }
        let now = settings.current
        guard count <= now.control.watches else {
            return .failure(
                ControlError(
                    .busy, "\(now.control.watches) watches are waiting already",
                    hint: "end one, or raise control.watches"))
        }
        let asker = Asker(
            role: connection.peer.map(now.policy.role) ?? .none, peer: connection.peer)
        let connectionCount = connections.withLock { $0.count }
        let work = Task {
            await table.answer(request, of: asker, connections: connectionCount)
        }
        connection.channel.channel.closeFuture.whenComplete { _ in work.cancel() }
        return await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
    }

    /// Leaves a trace of who changed what, or tried to.
    private func note(
        _ request: Request, _ result: Result<JSONValue, ControlError>, _ peer: PeerCredentials?
    ) {
        var metadata: Logger.Metadata = [
            "method": "\(request.method)", "uid": "\(peer.map { String($0.user) } ?? "unknown")",
            "pid": "\(peer.map { String($0.processID) } ?? "unknown")",
        ]
        if case .failure(let error) = result {
            // Not the message: it may name users, and the journal does not.
            metadata["refused"] = "\(error.code.rawValue)"
        }
        logger.notice("control request", metadata: metadata)
    }
}
