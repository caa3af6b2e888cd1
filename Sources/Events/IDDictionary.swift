import Storage

/// What kind of thing an id names; ids of different kinds have nothing to do with each other.
package enum IDKind: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    // Ascending by name, so that the stored dictionary is in the order that sort(1) gives.
    case category
    case item
    case url
    case user

    package var description: String {
        switch self {
        case .category: "category"
        case .item: "item"
        case .url: "url"
        case .user: "user"
        }
    }
}

/// Which text an id stands for, for ids that were not int64 numbers where they came from.
///
/// A text that is the decimal form of an int64 is its own id. Any other text gets the id
/// 2^62 + (`TextHash.hash` of its UTF-8 bytes, divided by 4): 62 bits of hash, always positive.
/// Two texts of a kind that share an id are an error, never merged. So that this also holds for
/// numbers, those of 2^62 and above are entered as well.
package struct IDDictionary: Sendable {
    /// Bytes of one text.
    package static let textByteLimit = 1_024

    /// Texts by id, one table for each kind.
    private var texts: [[Int64: String]]
    /// Texts that may be held.
    private let limit: Int

    /// An empty dictionary of at most `limit` texts.
    package init(limit: Int = 50_000_000) {
        self.limit = limit
        texts = Array(repeating: [:], count: IDKind.allCases.count)
    }

    /// Texts of all kinds.
    package var count: Int { texts.reduce(0) { $0 + $1.count } }

    /// Texts of one kind.
    package func count(_ kind: IDKind) -> Int { texts[Int(kind.rawValue)].count }

    /// The text that `id` stands for: what was entered, else its decimal form.
    package func text(of id: Int64, _ kind: IDKind) -> String {
        texts[Int(kind.rawValue)][id] ?? String(id)
    }

    /// The id of a text; nil when it is no number and was never entered.
    package func id(of text: String, _ kind: IDKind) -> Int64? {
        let bytes = Array(text.utf8)
        if let number = DecimalText.value(bytes.span) { return number }
        let id = Self.hashedID(bytes.span)
        return texts[Int(kind.rawValue)][id] == text ? id : nil
    }

    /// The id of a text, which is entered when it is new and no small number.
    ///
    /// `text` is UTF-8 and not empty. Nothing has changed after a throw.
    package mutating func enter(
        _ text: Span<UInt8>, _ kind: IDKind
    ) throws(DictionaryError) -> Int64 {
        guard text.count <= Self.textByteLimit else {
            throw .textTooLong(kind: kind, byteCount: text.count, limit: Self.textByteLimit)
        }
        let number = DecimalText.value(text)
        if let number, number < Self.firstHashed { return number }
        let id = number ?? Self.hashedID(text)
        if let known = texts[Int(kind.rawValue)][id] {
            guard known.utf8.count == text.count, text.equals(known) else {
                throw .collision(kind: kind, id: id, first: known, second: String(text))
            }
            return id
        }
        guard count < limit else { throw .full(limit: limit) }
        texts[Int(kind.rawValue)][id] = String(text)
        return id
    }

    /// The id of a text that is no number.
    package static func hashedID(_ text: Span<UInt8>) -> Int64 {
        firstHashed | Int64(TextHash.hash(text) >> 2)
    }

    private static let firstHashed: Int64 = 1 << 62

    /// Entries of a kind, ascending by id.
    func sorted(_ kind: IDKind) -> [(id: Int64, text: String)] {
        texts[Int(kind.rawValue)].map { (id: $0.key, text: $0.value) }.sorted { $0.id < $1.id }
    }

    /// Enters an entry as it was stored; its id must be the one that its text has.
    mutating func restore(_ kind: IDKind, _ id: Int64, _ text: [UInt8]) throws(DictionaryError) {
        let entered = try enter(text.span, kind)
        guard entered == id, entered >= Self.firstHashed else {
            throw .foreignEntry(kind: kind, id: id, text: String(decoding: text, as: UTF8.self))
        }
    }
}

/// Why a dictionary of ids cannot be made, read or written.
package enum DictionaryError: Error, Equatable, CustomStringConvertible {
    case collision(kind: IDKind, id: Int64, first: String, second: String)
    case textTooLong(kind: IDKind, byteCount: Int, limit: Int)
    case full(limit: Int)
    /// A stored id that is not the one its text has.
    case foreignEntry(kind: IDKind, id: Int64, text: String)
    case malformed(path: String, line: Int, reason: String)
    case storage(StorageError)

    package var description: String {
        switch self {
        case .collision(let kind, let id, let first, let second):
            "\(kind) ids \"\(first)\" and \"\(second)\" both hash to \(id); rename one of them"
        case .textTooLong(let kind, let byteCount, let limit):
            "\(kind) id of \(byteCount) bytes, the limit is \(limit)"
        case .full(let limit):
            "more than \(limit) ids that are no numbers; give ids as int64, or split the log"
        case .foreignEntry(let kind, let id, let text):
            "\(kind) id \(id) is not the one that \"\(text)\" has; "
                + "the file was edited, or belongs to another release: import again"
        case .malformed(let path, let line, let reason):
            "\(path):\(line): \(reason); import again into an empty directory"
        case .storage(let error): error.description
        }
    }
}

extension Span<UInt8> {
    fileprivate func equals(_ text: String) -> Bool {
        var index = 0
        for byte in text.utf8 {
            if byte != self[index] { return false }
            index += 1
        }
        return true
    }
}

extension String {
    /// The text of UTF-8 bytes.
    fileprivate init(_ bytes: Span<UInt8>) {
        var copy: [UInt8] = []
        copy.reserveCapacity(bytes.count)
        for index in bytes.indices { copy.append(bytes[index]) }
        self.init(decoding: copy, as: UTF8.self)
    }
}
