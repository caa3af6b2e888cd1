import Foundation
import Storage
import TestSupport
import Testing

/// The programs on one log in several forms, fit included.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct WrittenFormsTests {
    private static let segment = "00000000000000000001.ndjson.lz4"

    /// The two files of a snapshot that a consumer reads.
    private func published(_ daemon: RunningDaemon) async throws -> [[UInt8]] {
        let path = try await daemon.snapshot()
        return try ["client_ids.npy", "embeddings.npy"].map {
            try RealDisk().bytes(of: "\(path)/\($0)", limit: 1 << 28)
        }
    }

    private func refresh(_ log: String, _ state: String) async throws {
        try await Programs.ubpd([
            "refresh", "--untrained", "--seed", "7", "--log-dir", log, "--state-dir", state,
        ]).requireSuccess()
    }

    /// Shell commands that write `$text`, decoded, into the directory `$log`.
    private static let forms = [
        "lz4 -cq -B4 -BD -BX $text > $log/00000000000000000001.ndjson.lz4",
        // Frames cut inside lines, a skippable one before each.
        """
        split -b 30011 $text $log.part.
        for part in $log.part.*; do
          printf '\\121\\052\\115\\030\\003\\000\\000\\000abc'; lz4 -cq -B5 -BD $part
        done > $log/00000000000000000001.ndjson.lz4
        """,
        // Three segments; their lines end with CRLF.
        """
        sed 's/$/\\r/' $text > $log.text; split -n l/3 -d -a 1 $log.text $log.part.
        for n in 0 1 2; do lz4 -cq -9 $log.part.$n > $log/0000000000000000000$n.ndjson.lz4; done
        """,
    ]

    @Test func `a log in other forms, fitted and folded, gives the same snapshot`() async throws {
        let directory = try TemporaryDirectory()
        let root = directory.path
        try await Programs.makeLog("\(root)/log", users: 80)
        let text = "\(root)/text"
        try await Child.run(
            ["sh", "-c", "lz4 -dcq \(root)/log/\(Self.segment) > \(text)"]).requireSuccess()
        var all: [[[UInt8]]] = []
        for index in -1..<Self.forms.count {
            let log = index < 0 ? "\(root)/log" : "\(root)/log-\(index)"
            if index >= 0 {
                try RealDisk().makeDirectory(log)
                try await Child.run([
                    "sh", "-ec", "text=\(text) log=\(log)\n" + Self.forms[index],
                ]).requireSuccess()
            }
            let state = "\(root)/state\(index)"
            try await refresh(log, state)
            all.append(try await published(try RunningDaemon(log: log, state: state)))
        }
        #expect(all[0][1].count > 10_000)
        for (index, files) in all.dropFirst().enumerated() {
            #expect(files == all[0], "\(Self.forms[index])")
        }
    }

    @Test func `a segment that is written byte by byte under the daemon gives the same snapshot`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let (whole, growing) = ("\(directory.path)/log", "\(directory.path)/growing")
        try await Programs.makeLog(whole, users: 40)
        var all: [[[UInt8]]] = []
        for log in [whole, growing] {
            let state = "\(log).state"
            try await refresh(whole, state)
            try RealDisk().makeDirectory(log)
            let daemon = try RunningDaemon(log: log, state: state)
            if log == growing {
                _ = try await daemon.wait { _ in true }
                let bytes = try RealDisk().bytes(of: "\(whole)/\(Self.segment)", limit: 1 << 24)
                let file = try RealDisk().open("\(growing)/\(Self.segment)", .create)
                for (position, byte) in bytes.enumerated() {
                    try file.write([byte], at: Int64(position))
                }
                #expect(bytes.count > 20_000)
            }
            all.append(try await published(daemon))
        }
        #expect(all[0] == all[1], "\(all.map { $0.map(\.count) })")
    }
}

extension Child {
    /// Stops the test unless the program ended well.
    fileprivate func requireSuccess() throws { _ = try successful() }
}
