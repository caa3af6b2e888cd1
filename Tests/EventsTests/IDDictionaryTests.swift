import Events
import Storage
import TestSupport
import Testing

@Suite struct IDDictionaryTests {
    private func enter(
        _ text: String, _ kind: IDKind, _ dictionary: inout IDDictionary
    ) throws(DictionaryError) -> Int64 {
        try dictionary.enter(Array(text.utf8).span, kind)
    }

    private func write(_ text: String, on disk: MemoryDisk) throws {
        try disk.makeDirectory("/log")
        try disk.open("/log/dictionary.tsv", .createOrUpdate).write(Array(text.utf8), at: 0)
    }

    @Test func `leaves numbers as they are`() throws {
        var dictionary = IDDictionary()
        for number: Int64 in [0, 7, -7, .min, (1 << 62) - 1] {
            #expect(try enter("\(number)", .user, &dictionary) == number)
            #expect(dictionary.text(of: number, .user) == "\(number)")
            #expect(dictionary.id(of: "\(number)", .user) == number)
        }
        #expect(dictionary.count == 0)
    }

    @Test(arguments: ["85123A", "007", "-0", "+7", "", "é\t\n\\x", "9223372036854775808", "1.0"])
    func `finds any other text both ways`(text: String) throws {
        var dictionary = IDDictionary()
        let id = try enter(text, .item, &dictionary)
        #expect(id >= 1 << 62)
        #expect(try enter(text, .item, &dictionary) == id)
        #expect(dictionary.text(of: id, .item) == text)
        #expect(dictionary.id(of: text, .item) == id)
        #expect(dictionary.id(of: text, .user) == nil)
        #expect(dictionary.text(of: id, .user) == "\(id)")
        #expect(dictionary.count == 1 && dictionary.count(.item) == 1)
    }

    // Tests/Golden/import_table.py: 2**62 + text_hash(b"85123A") // 4
    @Test func `gives an id that anyone can compute`() throws {
        var dictionary = IDDictionary()
        #expect(try enter("85123A", .item, &dictionary) == 8_298_125_765_353_285_447)
    }

    @Test func `refuses a number that is another text's id`() throws {
        var dictionary = IDDictionary()
        let id = try enter("85123A", .item, &dictionary)
        let collision = DictionaryError.collision(
            kind: .item, id: id, first: "85123A", second: "\(id)")
        #expect(throws: collision) { try enter("\(id)", .item, &dictionary) }
        #expect(try enter("\(id)", .user, &dictionary) == id)
    }

    @Test func `is bounded`() throws {
        var dictionary = IDDictionary(limit: 2)
        _ = try enter("a", .item, &dictionary)
        _ = try enter("b", .user, &dictionary)
        _ = try enter("a", .item, &dictionary)
        #expect(throws: DictionaryError.full(limit: 2)) { try enter("c", .url, &dictionary) }
        let long = String(repeating: "x", count: 1_025)
        #expect(throws: DictionaryError.textTooLong(kind: .url, byteCount: 1_025, limit: 1_024)) {
            try enter(long, .url, &dictionary)
        }
    }

    @Test func `comes back from its file, which is in one order`() throws {
        let disk = MemoryDisk()
        try disk.makeDirectory("/log")
        var dictionary = IDDictionary()
        let texts = ["b", "a", "tab\there", "line\nend\r", "back\\slash", "\\t", "é", "\(1 << 62)"]
        for text in texts {
            for kind in IDKind.allCases { _ = try enter(text, kind, &dictionary) }
        }
        try dictionary.save(to: "/log", on: disk)
        try dictionary.save(to: "/log", on: disk)
        #expect(try disk.names(in: "/log") == ["dictionary.tsv"])
        let restored = try IDDictionary.load(from: "/log", on: disk)
        #expect(restored.count == 32)
        for text in texts { #expect(restored.id(of: text, .url) == dictionary.id(of: text, .url)) }
        let file = try disk.text(of: "/log/dictionary.tsv", limit: 10_000)
        let keys = file.split(separator: "\n").map { line in
            line.split(separator: "\t").prefix(2).map(String.init)
        }
        #expect(keys.count == 32)
        // All ids have nineteen digits, so that their order is that of their texts.
        #expect(keys == keys.sorted { $0.lexicographicallyPrecedes($1) })
    }

    @Test func `survives a crash at any point of a save`() throws {
        for operation in 0..<8 {
            let disk = MemoryDisk()
            try disk.makeDirectory("/log")
            try disk.syncDirectory("/log")
            try disk.syncDirectory("/")
            var dictionary = IDDictionary()
            _ = try enter("old", .item, &dictionary)
            try dictionary.save(to: "/log", on: disk)
            _ = try enter("new", .item, &dictionary)
            disk.inject(.error(5), at: disk.operationCount + operation)
            _ = try? dictionary.save(to: "/log", on: disk)
            disk.removeFaults()
            disk.crash()
            let restored = try IDDictionary.load(from: "/log", on: disk)
            #expect(restored.id(of: "old", .item) != nil, "operation \(operation)")
        }
    }

    @Test func `is empty for a log that has none`() throws {
        let disk = MemoryDisk()
        #expect(try IDDictionary.load(from: "/log", on: disk).count == 0)
    }

    @Test(arguments: [
        ("item\t8298125765353285447\t85123A\nitem\t82981257", "cut off"),
        ("item\t8298125765353285447\n", "not kind, id and text"),
        ("thing\t8298125765353285447\t85123A\n", "not kind, id and text"),
        ("item\t8298125765353285447\t85\\x\n", "not kind, id and text"),
        ("item\t08298125765353285447\t85123A\n", "not kind, id and text"),
        ("\n", "not kind, id and text"),
        ("item\t8298125765353285448\t85123A\n", "is not the one"),
        ("item\t71053\t71053\n", "is not the one"),
        (String(repeating: "x", count: 5_000), "too long"),
    ])
    func `refuses a damaged file`(text: String, reason: String) throws {
        let disk = MemoryDisk()
        try write(text, on: disk)
        let error = #expect(throws: DictionaryError.self) {
            try IDDictionary.load(from: "/log", on: disk)
        }
        #expect(error?.description.contains(reason) == true)
    }

    @Test func `refuses a file that is larger than allowed`() throws {
        let disk = MemoryDisk()
        try write("item\t8298125765353285447\t85123A\n", on: disk)
        #expect(throws: DictionaryError.self) {
            try IDDictionary.load(from: "/log", on: disk, byteLimit: 10)
        }
        #expect(throws: DictionaryError.full(limit: 0)) {
            try IDDictionary.load(from: "/log", on: disk, limit: 0)
        }
    }
}
