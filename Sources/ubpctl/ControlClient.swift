import ControlProtocol
import NIOCore
import NIOPosix

/// One connection to a daemon; requests are answered in the order sent.
struct ControlClient {
    /// Bytes of a reply line, at most; a batch of 500 profiles is some 6 MB.
    static let replyByteCount = 256 << 20
    /// Bytes of a socket's path, at most: `sun_path` of unix(7) less its NUL.
    static let pathByteCount = 107

    let path: String
    let timeoutSeconds: Double

    /// Sends the requests one after the other and returns their results, or the first refusal.
    func results(
        of requests: [(method: String, params: [JSONValue.Member])]
    ) async throws -> [JSONValue] {
        let channel = try await connect()
        return try await withThrowingTaskGroup(of: [JSONValue]?.self) { group in
            group.addTask {
                do {
                    return try await Self.exchange(requests, over: channel)
                } catch let failure as Failure {
                    throw failure
                } catch {
                    // A daemon that ends in the middle, or was told to.
                    throw Failure.badReply("the connection was lost: \(error)")
                }
            }
            group.addTask {
                try await Task.sleep(for: .seconds(timeoutSeconds))
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let results = first else {
                channel.channel.close(promise: nil)
                throw Failure.timedOut(seconds: timeoutSeconds)
            }
            return results
        }
    }

    private typealias Stream = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private func connect() async throws -> Stream {
        // Names of several bytes a letter count by the byte.
        guard path.utf8.count <= Self.pathByteCount else {
            throw Failure.usage(
                "\(path): a socket's path has at most \(Self.pathByteCount) bytes, and this has "
                    + "\(path.utf8.count); name it by a shorter one, such as by a link to its folder"
            )
        }
        do {
            return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.milliseconds(Int64(timeoutSeconds * 1000)))
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try Stream(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError {
            throw Failure.noConnection(path: path, reason: error.words)
        } catch {
            throw Failure.noConnection(path: path, reason: "\(error)")
        }
    }

    private static func exchange(
        _ requests: [(method: String, params: [JSONValue.Member])], over stream: Stream
    ) async throws -> [JSONValue] {
        try await stream.executeThenClose { inbound, outbound in
            var lines = Lines(inbound: inbound.makeAsyncIterator())
            var results: [JSONValue] = []
            for (index, (method, params)) in requests.enumerated() {
                let id = RequestID.number(Int64(index + 1))
                let request = Request(id: id, method: method, params: params)
                try await outbound.write(ByteBuffer(bytes: request.encoded + [0x0A]))
                let reply = try await lines.next()
                // A refusal under no id is about the line or the connection, so about this one.
                let isAboutThis = reply.id == id || reply.id == .null
                guard isAboutThis else { throw Failure.badReply("an answer to another request") }
                switch reply.result {
                case .success(let result):
                    if let flaw = Method(rawValue: method)?.flaw(in: result) {
                        throw Failure.badReply(flaw)
                    }
                    results.append(result)
                case .failure(let error): throw Failure.refused(error)
                }
            }
            return results
        }
    }

    /// The replies in a stream of bytes.
    private struct Lines {
        var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        var framer = LineFramer(byteLimit: ControlClient.replyByteCount)
        var frames: [LineFramer.Frame] = []

        mutating func next() async throws -> Reply {
            while frames.isEmpty {
                guard var buffer = try await inbound.next() else {
                    throw Failure.badReply("the connection was closed before it")
                }
                let bytes = buffer.readBytes(length: buffer.readableBytes) ?? []
                framer.take(bytes.span, into: &frames)
            }
            switch frames.removeFirst() {
            case .tooLong(let limit): throw Failure.badReply("a line of more than \(limit) bytes")
            case .line(let line):
                do throws(JSONError) {
                    return try Reply(line: line, byteLimit: ControlClient.replyByteCount)
                } catch {
                    throw Failure.badReply("\(error)")
                }
            }
        }
    }
}

extension IOError {
    /// What the error number means to somebody who cannot connect.
    fileprivate var words: String {
        switch errnoCode {
        case 2: "there is no such socket"
        case 13: "permission denied"
        case 111: "nobody listens"
        default: "\(self)"
        }
    }
}
