import Profiles
import Storage

extension SnapshotStore {
    /// Users whose moves are listed, and users added or removed that are named, at most.
    package static let differenceLimit = 1000

    /// Compares two snapshots by reading each of their files once, some megabytes at a time.
    ///
    /// `limit` users are named in each list, 0…`differenceLimit`.
    /// - Throws: `unknownVersion`, `damaged`.
    package func compare(
        _ from: Int64, with to: Int64, limit: Int
    ) throws(SnapshotError) -> SnapshotDifference {
        let (first, second) = (try checkQuickly(known(from)), try checkQuickly(known(to)))
        var comparison = SnapshotComparison(first, second, limit: limit)
        let hasColumns = comparison.hasColumns
        var old = try SnapshotRows(first, in: path(of: from), on: host.disk, hasColumns: hasColumns)
        var new = try SnapshotRows(second, in: path(of: to), on: host.disk, hasColumns: hasColumns)
        while old.user != nil || new.user != nil {
            if old.user == new.user {
                comparison.takeBoth(old, new)
                try old.advance()
                try new.advance()
            } else if let user = old.user, user < new.user ?? .max {
                comparison.takeRemoved(user)
                try old.advance()
            } else if let user = new.user {
                comparison.takeAdded(user)
                try new.advance()
            }
        }
        return comparison.finished
    }
}

/// The rows of a snapshot, one after the other.
private struct SnapshotRows {
    /// Bytes of rows that are read at a time, about.
    private static let blockByteCount = 4 << 20

    private let ids: NpyReader
    private let values: NpyReader?
    private let count: Int
    private let width: Int
    private let blockCount: Int
    /// Row of the block's first.
    private var start = 0
    private var users: [Int64] = []
    private var halves: [UInt16] = []
    /// In the block.
    private var index = 0

    init(
        _ manifest: SnapshotManifest, in directory: String, on disk: any Disk, hasColumns: Bool
    ) throws(SnapshotError) {
        width = manifest.width
        blockCount = max(1, min(65_536, Self.blockByteCount / (2 * max(1, manifest.width))))
        ids = try Self.open(directory + "/" + SnapshotFiles.users, disk)
        values = hasColumns ? try Self.open(directory + "/" + SnapshotFiles.embeddings, disk) : nil
        count = ids.header.shape[0]
        guard ids.header.element == .int64, ids.header.shape.count == 1,
            Int64(count) == manifest.users,
            values.map({ $0.header == .float16(rows: count, columns: width) }) ?? true
        else {
            throw .damaged(path: directory, reason: "its files are not of the manifest's shape")
        }
        try load()
    }

    /// The row's user; nil after the last.
    var user: Int64? { index < users.count ? users[index] : nil }

    /// The row's column, as float16 holds it.
    func value(_ column: Int) -> Double {
        Double(Float16(bitPattern: halves[index * width + column]))
    }

    mutating func advance() throws(SnapshotError) {
        index += 1
        if index == users.count {
            start += users.count
            try load()
        }
    }

    private mutating func load() throws(SnapshotError) {
        let rows = start..<min(start + blockCount, count)
        index = 0
        users = []
        guard !rows.isEmpty else { return }
        do throws(StorageError) {
            users = try ids.int64s(rows: rows)
            if let values { halves = try values.halfs(rows: rows) }
        } catch {
            throw .storage(error)
        }
    }

    private static func open(_ path: String, _ disk: any Disk) throws(SnapshotError) -> NpyReader {
        do throws(StorageError) { return try NpyReader(path, on: disk) } catch {
            if case .malformed(let path, let reason) = error {
                throw .damaged(path: path, reason: reason)
            }
            if case .missing(let path) = error { throw .damaged(path: path, reason: "missing") }
            throw .storage(error)
        }
    }
}

/// Gathers what two snapshots have in common and what not.
private struct SnapshotComparison {
    /// Columns of one part in both snapshots.
    private struct Pair {
        let name: String
        let old: Int
        let new: Int
        let width: Int
        var cosine = MagnitudeHistogram()
        var euclidean = MagnitudeHistogram()
    }

    private let limit: Int
    private var found: SnapshotDifference
    private var pairs: [Pair] = []
    /// At most twice `limit`; the far ones of them are kept when it is full.
    private var moved: [SnapshotDifference.Moved] = []

    init(_ old: SnapshotManifest, _ new: SnapshotManifest, limit: Int) {
        self.limit = limit
        found = SnapshotDifference(from: old.version, to: new.version)
        found.fromUsers = old.users
        found.toUsers = new.users
        guard old.space == new.space else {
            found.incomparable =
                "snapshot \(old.version) is of space \(old.space) and snapshot \(new.version) of "
                + "space \(new.space): their columns mean different things"
            return
        }
        for part in old.parts {
            guard let other = new.parts.first(where: { $0.name == part.name }),
                part.end - part.start == other.end - other.start
            else { continue }
            pairs.append(
                Pair(
                    name: part.name, old: part.start, new: other.start,
                    width: part.end - part.start))
        }
        if pairs.isEmpty { found.incomparable = "they have no part in common" }
    }

    var hasColumns: Bool { !pairs.isEmpty }

    mutating func takeAdded(_ user: Int64) {
        found.addedUsers += 1
        if found.added.count < limit { found.added.append(user) }
    }

    mutating func takeRemoved(_ user: Int64) {
        found.removedUsers += 1
        if found.removed.count < limit { found.removed.append(user) }
    }

    mutating func takeBoth(_ old: SnapshotRows, _ new: SnapshotRows) {
        found.commonUsers += 1
        guard !pairs.isEmpty, let user = old.user else { return }
        var cosines = 0.0
        var squares = 0.0
        for index in pairs.indices {
            let pair = pairs[index]
            var (dot, first, second, square) = (0.0, 0.0, 0.0, 0.0)
            for column in 0..<pair.width {
                let (a, b) = (old.value(pair.old + column), new.value(pair.new + column))
                dot += a * b
                first += a * a
                second += b * b
                square += (a - b) * (a - b)
            }
            // The rounding of equal columns must not put them in an order.
            let cosine = square == 0 ? 0 : Self.shift(dot, first, second)
            pairs[index].cosine.add(cosine)
            pairs[index].euclidean.add(square.squareRoot())
            cosines += cosine
            squares += square
        }
        guard limit > 0 else { return }
        moved.append(
            .init(
                user: user, cosine: cosines / Double(pairs.count), euclidean: squares.squareRoot()))
        if moved.count >= 2 * limit { keepFarthest() }
    }

    /// 1 − cosine out of a dot product and two squared lengths.
    private static func shift(_ dot: Double, _ first: Double, _ second: Double) -> Double {
        if first == 0 || second == 0 { return first == second ? 0 : 1 }
        return max(0, min(2, 1 - dot / (first.squareRoot() * second.squareRoot())))
    }

    private mutating func keepFarthest() {
        moved.sort { $0.cosine != $1.cosine ? $0.cosine > $1.cosine : $0.user < $1.user }
        moved.removeLast(max(0, moved.count - limit))
    }

    var finished: SnapshotDifference {
        var copy = self
        copy.keepFarthest()
        copy.found.moved = copy.moved
        copy.found.parts = pairs.map {
            .init(
                name: $0.name, width: $0.width, cosine: $0.cosine.spread,
                euclidean: $0.euclidean.spread)
        }
        return copy.found
    }
}
