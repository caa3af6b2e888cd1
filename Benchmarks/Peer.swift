import Foundation

/// A Python program that does the same work, asked once a line.
final class Peer {
    /// What the peer says first.
    private struct Hello: Decodable { var version: String }

    /// What it says of one piece of work.
    struct Answer: Decodable {
        var seconds: Double
        /// Means of the loss's terms; nil where the work has none.
        var losses: [Double]?
    }

    /// Names a Python that has the peers' packages; without it there are no peers.
    static let pythonVariable = "UBPD_PEER_PYTHON"

    let version: String
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var waiting = Data()

    /// Starts `script` of Benchmarks/peers; nil when no Python is named or it has not the packages.
    init?(_ script: String) throws {
        guard let python = ProcessInfo.processInfo.environment[Self.pythonVariable] else {
            return nil
        }
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["Benchmarks/peers/" + script]
        // It would choose OpenBLAS's kernels for another processor than this one.
        process.environment = ProcessInfo.processInfo.environment.filter {
            $0.key != "OPENBLAS_CORETYPE"
        }
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        guard let line = Self.line(output, &waiting),
            let hello = try? JSONDecoder().decode(Hello.self, from: line)
        else { return nil }
        version = hello.version
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Seconds of one pass over `work`.
    func seconds(_ work: some Encodable) throws -> Double { try answer(work).seconds }

    /// What one pass over `work` came to.
    func answer(_ work: some Encodable) throws -> Answer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try input.fileHandleForWriting.write(
            contentsOf: try encoder.encode(work) + Data("\n".utf8))
        guard let line = Self.line(output, &waiting) else { throw BenchError.peerEnded }
        return try JSONDecoder().decode(Answer.self, from: line)
    }

    private static func line(_ pipe: Pipe, _ waiting: inout Data) -> Data? {
        while true {
            if let end = waiting.firstIndex(of: UInt8(ascii: "\n")) {
                defer { waiting = Data(waiting[(end + 1)...]) }
                return Data(waiting[..<end])
            }
            let more = pipe.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            waiting += more
        }
    }
}
