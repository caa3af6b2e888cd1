import Evaluation
import EventLog
import Events
import Refresh
import Snapshots
import Storage
import TestSupport
import Testing

/// `ubpd evaluate` without its command line, on a shop where nothing can be foretold.
@Suite(.serialized) struct EvaluationRunTests {
    @Test func `scores each part, the whole and the baseline, and finds nothing in coins`()
        async throws
    {
        let root = try TemporaryDirectory()
        let shop = try CoinShop(root: root.path)
        var options = shop.options("a")
        options.mustKeep = true
        options.wantsPage = true
        options.seedCount = 2
        let document = try await shop.run(options)
        let names = document.report.rows.map(\.name)
        let parts = ["sra", "mtl", "mtl-propensity", "fip", "mtl-churn", "bpr-sku", "bpr-category"]
        #expect(names == parts + ["esa", "stats", "hybrid", "profile", "baseline"])
        #expect(document.report.split.cutoffSeconds == CoinShop.cutoff)
        #expect(document.report.userCount == Int(CoinShop.userCount))
        #expect(document.seeds == [1278, 1279] && !document.spreads.isEmpty)
        #expect(document.spread(of: "profile", .conversion)?.score.isFinite == true)
        // A Mann–Whitney statistic of n1 and n0 has variance (n1 + n0 + 1) / (12 n1 n0).
        for row in names {
            let result = try #require(document.result(row, .conversion))
            let (ones, all) = (Double(result.positives), Double(result.users))
            let deviation = ((all + 1) / (12 * ones * (all - ones))).squareRoot()
            #expect((result.auroc - 0.5).magnitude < 4 * deviation, "\(row): \(result.auroc)")
        }
        try await checkInput(root.path)
        try await checkPage(document)
        try await checkSnapshots(shop, document)
    }

    @Test func `copies and scores nothing of who was forgotten`() async throws {
        let root = try TemporaryDirectory()
        let shop = try CoinShop(root: root.path)
        var options = shop.options("a")
        options.mustKeep = true
        options.tasks = [.conversion]
        let names = try await Child.run([
            "sh", "-c", "lz4 -dcq \(root.path)/log/*.lz4 | grep -m 1 -o '\"client_id\":[0-9]*'",
        ])
        let name = String(names.output.prefix { $0 != "\n" })
        let user = try #require(Int64(name.drop { !$0.isNumber }))
        let state = options.job.refresh.stateDirectory
        try RealDisk().makeDirectory(state)
        do {
            let registry = try Registry.recover(stateDirectory: state, on: .real).registry
            // Behind the log's end, so that all that it has of the user is skipped.
            _ = try registry.addForget(
                UserID(rawValue: user), allowsReturn: false, reason: "asked",
                at: RecordPlace(segment: 1_000_000, recordIndex: 0), offset: 1 << 40, seconds: 1,
                above: 0)
        }
        let document = try await shop.run(options)
        #expect(document.report.userCount == Int(CoinShop.userCount) - 1)
        let copied = try await Child.run([
            "sh", "-c",
            "lz4 -dcq \(state)/evaluate/input/*.lz4 | grep -c -E '\(name)([^0-9]|$)'",
        ])
        #expect(copied.output == "0\n", "\(name): \(copied.output)")
    }

    /// An outside judge reads log and copy: what is before the cutoff, in log order, and no more.
    private func checkInput(_ root: String) async throws {
        let judge = """
            import glob, json, subprocess, sys
            def lines(folder):
                for path in sorted(glob.glob(folder + "/*.lz4")):
                    yield from subprocess.run(
                        ["lz4", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout.splitlines()
            log, copy, cutoff = sys.argv[1], sys.argv[2], int(sys.argv[3])
            wanted, passed = [], False
            for line in lines(log):
                try: record = json.loads(line)
                except ValueError: continue
                time = record.get("timestamp")
                if "client_id" in record and time >= cutoff: passed = True
                if time is None and not passed or time is not None and time < cutoff:
                    if time is not None or not passed: wanted.append(line)
            found = list(lines(copy))
            late = sum(json.loads(l).get("timestamp", 0) >= cutoff for l in found)
            print(len(found), late, found == wanted)
            """
        let said = try await Child.python(
            judge, [root + "/log", root + "/a/evaluate/input", String(CoinShop.cutoff)]
        ).successful().output.split(whereSeparator: \.isWhitespace)
        #expect((Int(said[0]) ?? 0) > 1000)
        #expect(said[1] == "0" && said[2] == "True", "\(said)")
    }

    private func checkPage(_ document: EvaluationDocument) async throws {
        let map = try #require(document.map)
        #expect(map.points.count == Int(CoinShop.userCount) && map.groups.count >= 7)
        let judge = """
            import sys, xml.etree.ElementTree as tree
            text = sys.stdin.read()
            root = tree.fromstring(text.split("\\n", 1)[1])
            print(len(root.findall(".//polyline")), len(root.findall(".//rect")),
                  len(root.findall(".//circle")), "://" in text or "<script" in text or "url(" in text
                  or "src=" in text or "href=" in text or "@import" in text)
            """
        let said = try await Child.python(judge, input: EvaluationPage(document).html)
            .successful().output.split(whereSeparator: \.isWhitespace)
        // A curve a row for ROC and calibration of two tasks; a bar a row and task.
        let rows = document.report.rows.count
        #expect(said[0] == String(4 * rows), "\(said)")
        #expect(said[1] == String(rows * document.tasks.count + 1), "\(said)")
        #expect((Int(said[2]) ?? 0) >= map.points.count && said[3] == "False", "\(said)")
    }

    /// What was kept may be scored at its own cutoff, and at no earlier one.
    private func checkSnapshots(_ shop: CoinShop, _ document: EvaluationDocument) async throws {
        let path = shop.root + "/a/evaluate/serve-1/snapshots/1"
        var options = shop.options("b")
        options.source = .snapshot(path: path, unchecked: false)
        options.rows = [EvaluationRow(name: "esa", content: .parts(["esa"], isFirst: false))]
        options.wantsPage = true
        let again = try await shop.run(options)
        #expect(again.warnings.count == 1 && again.warnings[0].contains("cursor"))
        #expect(again.result("esa", .churn) != nil)
        options.cutoffSeconds = CoinShop.cutoff - 86_400
        await expectError(shop, options) { error in
            guard case .seenTargets(_, "as_of", _, _) = error else { return false }
            return error.description.contains("has seen what it would be scored on")
        }
        // The same pair without a manifest says nothing of what it has seen.
        let disk = RealDisk()
        let bare = shop.root + "/bare"
        try disk.makeDirectory(bare)
        for name in ["client_ids.npy", "embeddings.npy"] {
            let bytes = try disk.bytes(of: "\(path)/\(name)", limit: 1 << 26)
            try disk.open("\(bare)/\(name)", .create).write(bytes, at: 0)
        }
        options.source = .snapshot(path: bare, unchecked: false)
        options.rows = [.init(name: "all", content: .parts(nil, isFirst: false))]
        await expectError(shop, options) { error in
            guard case .unknownOrigin = error else { return false }
            return error.description.contains("--unchecked")
        }
        options.source = .snapshot(path: bare, unchecked: true)
        let unchecked = try await shop.run(options)
        #expect(unchecked.warnings.first?.contains("unchecked") == true)
        // Its generation, folded again, is refused at the earlier cutoff too.
        var folded = shop.options("a/evaluate/state")
        folded.workDirectory = shop.root + "/c"
        folded.source = .generation(1)
        folded.rows = options.rows
        let refolded = try await shop.run(folded)
        #expect(refolded.result("all", .churn)?.users == document.result("esa", .churn)?.users)
        folded.cutoffSeconds = CoinShop.cutoff - 86_400
        await expectError(shop, folded) { error in
            if case .seenTargets = error { true } else { false }
        }
    }

    private func expectError(
        _ shop: CoinShop, _ options: EvaluationOptions,
        _ isRight: (EvaluationRunError) -> Bool
    ) async {
        let error = await #expect(throws: EvaluationRunError.self) {
            try await shop.run(options)
        }
        if let error { #expect(isRight(error), "\(error)") }
    }

    @Test func `killed in the middle, it goes on and says the same`() async throws {
        let root = try TemporaryDirectory()
        let shop = try CoinShop(root: root.path)
        var options = shop.options("a")
        options.rows = try EvaluationRow.parse("sra; profile; baseline")
        options.tasks = [.churn, .category]
        let counting = DyingDisk()
        let whole = try await shop.run(options, disk: counting)
        #expect(try RealDisk().names(in: root.path + "/a/evaluate") == ["lock"])
        // In the copy, in the training, after the snapshot.
        for share in [20, 50, 97] {
            let dying = DyingDisk(after: counting.changeCount * share / 100)
            await #expect(throws: EvaluationRunError.self) {
                try await shop.run(options, disk: dying)
            }
            let said = SaidLines()
            let resumed = try await shop.run(options, said: said)
            #expect(resumed.timeless == whole.timeless)
            #expect(said.lines.contains { $0.contains("going on") }, "\(share): \(said.lines)")
        }
    }

    @Test func `says what is wrong with a log, a list, a row, a directory`() async throws {
        let root = try TemporaryDirectory()
        let shop = try CoinShop(root: root.path)
        var options = shop.options("a")
        options.cutoffSeconds = CoinShop.cutoff + 3 * 86_400
        await expectError(shop, options) { error in
            if case .tooFewDays = error { true } else { false }
        }
        options.cutoffSeconds = CoinShop.start - 40 * 86_400
        await expectError(shop, options) { error in
            if case .tooLittleHistory = error { true } else { false }
        }
        options.cutoffSeconds = nil
        try RealDisk().open(root.path + "/list", .create).write(Array("12\nten\n".utf8), at: 0)
        options.userListPath = root.path + "/list"
        await expectError(shop, options) { error in
            guard case .badList = error else { return false }
            return error.description.contains("line 2 is 'ten'")
        }
        options.userListPath = nil
        options.workDirectory = root.path
        await expectError(shop, options) { error in
            guard case .foreign(_, let name) = error else { return false }
            return name == "a" || name == "list"
        }
        options.workDirectory = nil
        options.job.refresh.logDirectory = root.path + "/nothing"
        await expectError(shop, options) { error in
            if case .refresh = error { true } else { false }
        }
    }

    @Test func `reads rows, and names what is no row`() throws {
        let rows = try EvaluationRow.parse("SRA=first:sra; SRA + MTL = sra, mtl;profile;b=baseline")
        #expect(
            rows == [
                EvaluationRow(name: "SRA", content: .parts(["sra"], isFirst: true)),
                EvaluationRow(name: "SRA + MTL", content: .parts(["sra", "mtl"], isFirst: false)),
                EvaluationRow(name: "profile", content: .parts(nil, isFirst: false)),
                EvaluationRow(name: "b", content: .baseline),
            ])
        for bad in ["", ";", "a=", "=sra", "a=sra,,mtl", "a=sra,sra", "sra;sra"] {
            let error = #expect(throws: EvaluationRunError.self) { try EvaluationRow.parse(bad) }
            #expect(error?.description.hasPrefix("--rows '\(bad)'") == true)
        }
    }

    @Test func `reads cutoffs as people write them`() {
        #expect(EvaluationOptions.cutoffSeconds("1672531200") == 1_672_531_200)
        #expect(EvaluationOptions.cutoffSeconds("2023-01-01") == 1_672_531_200)
        #expect(EvaluationOptions.cutoffSeconds("2023-01-01 00:00:09") == 1_672_531_209)
        #expect(EvaluationOptions.cutoffSeconds("2023-02-29") == nil)
        #expect(EvaluationOptions.cutoffSeconds("soon") == nil)
    }

    @Test func `writes out what HTML would read as markup`() {
        let row = EvaluationDocument.Setting("<b>&\"'", "\u{1}</td>")
        let split = EvaluationSplit(cutoffSeconds: 0)
        let targets = EvaluationTargets(
            events: ShopEvents(users: [], entries: [], items: [:]), split: split)
        let document = EvaluationDocument(
            reports: [
                EvaluationReport(targets: targets, network: .small, rows: [], seconds: 0)
            ], seeds: [1], settings: [row], warnings: ["<script>"])
        let page = EvaluationPage(document).html
        #expect(page.contains("<td>&lt;b&gt;&amp;&quot;&#39;</td><td>&lt;/td&gt;</td>"))
        #expect(!page.contains("<script>") && page.contains("1970-01-01 00:00:00"))
        #expect(document.text.contains("NOTE: <script>"))
    }
}
