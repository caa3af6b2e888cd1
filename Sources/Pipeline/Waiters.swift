/// Those who wait for one kind of thing to happen in an actor; guarded by the actor they live in.
struct Waiters: Sendable {
    private var continuations: [CheckedContinuation<Void, Never>] = []

    /// Adds one who waits until the next `resumeAll`.
    mutating func add(_ continuation: CheckedContinuation<Void, Never>) {
        continuations.append(continuation)
    }

    /// Lets all go on who wait now; who begins to wait while they do waits for the next time.
    mutating func resumeAll() {
        let resumed = self
        continuations = []
        resumed.resume()
    }

    /// Lets all go on; whoever calls it has taken them out of where they waited.
    func resume() {
        for continuation in continuations { continuation.resume() }
    }
}
