import Evaluation
import Events
import Foundation
import Kernels
import Storage
import TestSupport
import Testing

/// Reading challenge pairs, and refusing what the validator refuses.
@Suite struct EmbeddingTableTests {
    private static let users = [4, 2, 9].map { UserID(rawValue: $0) }
    private static let rows: [[Float]] = [[1, 2, 3, 4], [5, 6, 7, 8], [-1, -2, -3, -4]]

    private func table(_ disk: MemoryDisk) throws -> EmbeddingTable {
        try Pair.write(Self.users, Self.rows, to: "/pair", on: disk)
        return try EmbeddingTable(directory: "/pair", on: disk)
    }

    private func values(
        _ rows: EmbeddingTable.Rows, _ indices: [Int]
    ) throws -> [Float] {
        let x = Matrix<Float>(rows: indices.count, columns: rows.width)
        try rows.read(indices[...], into: x)
        return x.values
    }

    @Test func `keeps the file's order and reads chosen columns of chosen users`() throws {
        let table = try table(MemoryDisk())
        #expect(table.ids == Self.users && table.width == 4 && table.parts == [])
        let asked = [4, 9].map { UserID(rawValue: $0) }
        for limit in [1 << 20, 0] {
            let rows = try EmbeddingTable.Rows(
                table, of: asked, columns: [2..<4, 0..<1], memoryByteLimit: limit)
            #expect(rows.isStreamed == (limit == 0))
            #expect(rows.users == [0, 1] && rows.width == 3 && rows.count == 2)
            #expect(try values(rows, [0, 1]) == [3, 4, 1, -3, -4, -1])
            #expect(try values(rows, [1]) == [-3, -4, -1])
        }
    }

    @Test func `streams the same numbers as it keeps, in blocks`() throws {
        var random = SeededRandom(seed: 1, stream: 0)
        let users = (0..<2600).map { UserID(rawValue: Int64($0 * 3)) }
        let numbers = users.map { _ in (0..<1700).map { _ in Float(random.next() % 2048) / 64 } }
        let disk = MemoryDisk()
        // More than one block of 8 MiB.
        try Pair.write(users, numbers, to: "/pair", on: disk)
        let table = try EmbeddingTable(directory: "/pair", on: disk)
        let asked = users.filter { $0.rawValue % 2 == 0 }
        let kept = try EmbeddingTable.Rows(
            table, of: asked, columns: [1600..<1700], memoryByteLimit: 1 << 30)
        let streamed = try EmbeddingTable.Rows(
            table, of: asked, columns: [1600..<1700], memoryByteLimit: 0)
        let all = Array(0..<1300)
        let wanted = try values(kept, all)
        #expect(wanted == asked.flatMap { numbers[Int($0.rawValue / 3)][1600...] })
        #expect(try values(streamed, all) == wanted)
        #expect(try values(streamed, [7, 1200]) == values(kept, [7, 1200]))
    }

    @Test func `reads the parts of a snapshot's manifest`() throws {
        let disk = MemoryDisk()
        _ = try table(disk)
        let parts = #"{"parts": [{"name": "sra", "start": 0, "end": 3}, "#
        try Pair.write(
            Array((parts + #"{"name": "stats", "start": 3, "end": 4}], "schema": 1}"#).utf8),
            to: "/pair/manifest.json", on: disk)
        let table = try EmbeddingTable(directory: "/pair", on: disk)
        #expect(table.parts.map(\.name) == ["sra", "stats"])
        #expect(table.columns(of: "stats") == 3..<4 && table.columns(of: "fip") == nil)
        for text in [parts + #"{"name": "x", "start": 3, "end": 5}]}"#, "{}", "[", ""] {
            try Pair.write(Array(text.utf8), to: "/pair/manifest.json", on: disk)
            #expect {
                try EmbeddingTable(directory: "/pair", on: disk)
            } throws: { error in
                if case EvaluationError.badManifest = error { true } else { false }
            }
        }
    }

    @Test func `a good pair has no flaw`() throws {
        let table = try table(MemoryDisk())
        #expect(try table.flaws(users: Self.users.sorted()) == [])
        #expect(try table.flaws(users: nil) == [])
    }

    @Test func `names missing, foreign and doubled users`() throws {
        let disk = MemoryDisk()
        let users = [4, 2, 4, 9, 9, 9, 5].map { UserID(rawValue: $0) }
        try Pair.write(users, users.map { _ in [0, 0] }, to: "/pair", on: disk)
        let table = try EmbeddingTable(directory: "/pair", on: disk)
        let asked = [1, 2, 3, 4, 9].map { UserID(rawValue: $0) }
        let (one, four, five) = (asked[0], asked[3], UserID(rawValue: 5))
        let flaws: [EmbeddingTable.Flaw] = [
            .duplicates(user: four, users: 2), .missing(user: one, users: 2),
            .foreign(user: five, users: 1),
        ]
        #expect(try table.flaws(users: asked) == flaws)
        #expect(try table.flaws(users: nil) == [])
        #expect(
            throws: EvaluationError.flawedTable(
                path: "/pair/embeddings.npy", flaws: Array(flaws[..<2]))
        ) {
            try EmbeddingTable.Rows(table, of: asked, memoryByteLimit: 0)
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, 1e6])
    func `names what is not finite`(value: Float) throws {
        let disk = MemoryDisk()
        var rows = Self.rows
        rows[1][3] = value
        rows[2][0] = value
        try Pair.write(Self.users, rows, to: "/pair", on: disk)
        let table = try EmbeddingTable(directory: "/pair", on: disk)
        #expect(try table.flaws(users: nil) == [.notFinite(row: 1, column: 3, rows: 2)])
        let first = EvaluationError.flawedTable(
            path: "/pair/embeddings.npy", flaws: [.notFinite(row: 1, column: 3, rows: 1)])
        #expect(throws: first) {
            try EmbeddingTable.Rows(table, of: Self.users.sorted(), memoryByteLimit: 1 << 20)
        }
        #expect(throws: first) {
            try values(
                EmbeddingTable.Rows(
                    table, of: Self.users.sorted(), columns: [2..<4], memoryByteLimit: 0),
                [0, 1, 2])
        }
        // Elsewhere nothing is wrong.
        let good = try EmbeddingTable.Rows(
            table, of: Self.users.sorted(), columns: [1..<3], memoryByteLimit: 0)
        #expect(try values(good, [2]) == [-2, -3])
    }

    @Test func `refuses columns that are not there, and none`() throws {
        let table = try table(MemoryDisk())
        #expect(
            throws: EvaluationError.noSuchColumns(
                path: "/pair/embeddings.npy", columns: 3..<5, width: 4)
        ) {
            try EmbeddingTable.Rows(
                table, of: Self.users.sorted(), columns: [3..<5], memoryByteLimit: 0)
        }
        #expect(
            throws: EvaluationError.flawedTable(path: "/pair/embeddings.npy", flaws: [.noColumns])
        ) {
            try EmbeddingTable.Rows(table, of: Self.users.sorted(), columns: [], memoryByteLimit: 0)
        }
    }

    /// What numpy saves under the two names, and the flaws; nil where only the header's text says.
    private typealias Refusal = (ids: String, embeddings: String, flaws: [EmbeddingTable.Flaw]?)
    private static let refused: [Refusal] = [
        ("a.astype('i8')[:, None]", "e", [.idsShape([3, 1])]),
        ("a.astype('f8')", "e", [.idsType("<f8")]),
        ("a.astype('i8')", "e[0]", [.embeddingsShape([4])]),
        ("a.astype('i8')", "np.zeros((3, 2049), 'f2')", [.tooWide(2049)]),
        ("a.astype('i8')", "e.astype('f8')", [.embeddingsType("<f8")]),
        ("a.astype('i8')", "e[:, :0]", [.noColumns]),
        ("a.astype('i8')", "e[:2]", [.rowCounts(ids: 3, embeddings: 2)]),
        ("a.astype('f8')", "e[0]", [.idsType("<f8"), .embeddingsShape([4])]),
        ("a.astype('>i8')", "e", nil), ("a.astype('i8')", "e.astype('f4')", nil),
        ("a.astype('i8')", "np.asfortranarray(e)", nil),
    ]

    @Test(arguments: refused.indices)
    func `refuses what the validator refuses, as numpy writes it`(index: Int) async throws {
        let (ids, embeddings, flaws) = Self.refused[index]
        let folder = try TemporaryDirectory()
        let program = """
            import sys
            import numpy as np
            a = np.array([4, 2, 9])
            e = np.arange(12).reshape(3, 4).astype('f2')
            np.save(sys.argv[1] + '/client_ids.npy', \(ids))
            np.save(sys.argv[1] + '/embeddings.npy', \(embeddings))
            """
        _ = try await Child.python(program, [folder.path]).successful()
        let path = folder.path
        do {
            _ = try EmbeddingTable(directory: path, on: RealDisk())
            Issue.record("taken: \(ids), \(embeddings)")
        } catch EvaluationError.flawedTable(_, let found) {
            if let flaws { #expect(found == flaws) }
            #expect(found.count == flaws?.count ?? 1)
        }
    }

    @Test func `takes what numpy writes as wanted`() async throws {
        let folder = try TemporaryDirectory()
        let program = """
            import sys
            import numpy as np
            np.save(sys.argv[1] + '/client_ids.npy', np.array([4, -2, 2**62]))
            np.save(sys.argv[1] + '/embeddings.npy', np.arange(12).reshape(3, 4).astype('f2') / 8)
            """
        _ = try await Child.python(program, [folder.path]).successful()
        let table = try EmbeddingTable(directory: folder.path, on: RealDisk())
        #expect(table.ids.map(\.rawValue) == [4, -2, 1 << 62])
        let rows = try EmbeddingTable.Rows(
            table, of: table.ids.sorted(), memoryByteLimit: 1 << 20)
        #expect(try values(rows, [0, 1, 2]) == (0..<12).map { Float($0) / 8 })
    }

    @Test func `says of both files what is wrong, and of files that are cut or missing`() throws {
        let disk = MemoryDisk()
        #expect {
            try EmbeddingTable(directory: "/nowhere", on: disk)
        } throws: { error in
            guard case EvaluationError.flawedTable(_, let flaws) = error else { return false }
            return flaws.count == 2 && "\(error)".contains("/nowhere/client_ids.npy")
                && "\(error)".contains("/nowhere/embeddings.npy")
        }
        _ = try table(disk)
        let file = try disk.open("/pair/embeddings.npy", .update)
        try file.truncate(to: 140)
        #expect {
            try EmbeddingTable(directory: "/pair", on: disk)
        } throws: { error in
            guard case EvaluationError.flawedTable(_, let flaws) = error else { return false }
            return flaws.count == 1 && "\(error)".contains("140 bytes, 152 wanted")
        }
    }
}
