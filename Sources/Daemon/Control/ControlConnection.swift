import ControlProtocol
import NIOCore
import Storage
import Synchronization

/// One peer: its channel, who it is, and what is being done for it.
struct ControlConnection: Sendable {
    let channel: NIOAsyncChannel<LineFramer.Frame, ByteBuffer>
    /// Nil when the kernel would not say.
    let peer: PeerCredentials?
    let activity: ConnectionActivity

    /// Sets up the handlers of an accepted channel, on its event loop.
    ///
    /// `requestBytes` says how many bytes a request line of this peer may have.
    init(
        accepting channel: any Channel, idleSeconds: Int64,
        requestBytes: (PeerCredentials?) -> Int
    ) throws {
        let operations = channel.pipeline.syncOperations
        let peer = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            try PeerCredentials(descriptor: $0)
        }
        let activity = ConnectionActivity()
        try operations.addHandler(IdleStateHandler(allTimeout: .seconds(idleSeconds)))
        try operations.addHandler(IdleCloser(activity: activity))
        try operations.addHandler(LineHandler(byteLimit: requestBytes(peer)))
        self.peer = peer
        self.activity = activity
        self.channel = try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(
                backPressureStrategy: .init(lowWatermark: 1, highWatermark: 4)))
    }
}

/// What a connection is at, so that neither idleness nor shutdown cuts an answer short.
final class ConnectionActivity: Sendable {
    private enum Phase {
        case waiting
        case answering
        case writing
    }

    private struct State {
        var phase = Phase.waiting
        var isClosing = false
    }

    private let state = Mutex(State())

    /// Whether a request is being carried out, so that the peer has to wait for us.
    var isAnswering: Bool { state.withLock { $0.phase == .answering } }

    /// Starts a request; false when the connection is to close instead.
    func beginAnswer() -> Bool {
        state.withLock {
            guard !$0.isClosing else { return false }
            $0.phase = .answering
            return true
        }
    }

    /// The request is carried out; from here on the peer has to take its reply.
    func beginWriting() { state.withLock { $0.phase = .writing } }

    /// The reply is with the kernel; false when the connection is to close now.
    func finish() -> Bool {
        state.withLock {
            $0.phase = .waiting
            return !$0.isClosing
        }
    }

    /// Asks for the connection to close; true when nothing is under way, so that it may now.
    func requestClose() -> Bool {
        state.withLock {
            $0.isClosing = true
            return $0.phase == .waiting
        }
    }
}

/// Cuts a peer's bytes into request lines.
private final class LineHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = LineFramer.Frame

    private var framer: LineFramer
    private var frames: [LineFramer.Frame] = []

    init(byteLimit: Int) { framer = LineFramer(byteLimit: byteLimit) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        let bytes = buffer.readBytes(length: buffer.readableBytes) ?? []
        framer.take(bytes.span, into: &frames)
        forward(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed {
            framer.finish(into: &frames)
            forward(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func forward(_ context: ChannelHandlerContext) {
        let ready = frames
        frames.removeAll(keepingCapacity: true)
        for frame in ready { context.fireChannelRead(wrapInboundOut(frame)) }
    }
}

/// Closes a connection on which no byte has moved for too long, unless we are the reason.
private final class IdleCloser: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let activity: ConnectionActivity

    init(activity: ConnectionActivity) { self.activity = activity }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            if !activity.isAnswering { context.close(promise: nil) }
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
