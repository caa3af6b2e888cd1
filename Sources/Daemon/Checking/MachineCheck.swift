import Storage

/// Looks whether the machine is as a configuration has it, without changing or locking anything.
///
/// It may stand beside a running daemon. It judges for the user that runs it, which should be the
/// daemon's.
package struct MachineCheck {
    let configuration: Configuration
    private let places: ConfigurationPlaces
    let disk: any Disk
    private(set) var findings: [MachineFinding] = []

    package init(configuration: Configuration, places: ConfigurationPlaces, disk: any Disk) {
        self.configuration = configuration
        self.places = places
        self.disk = disk
    }

    /// All that is found, in the order of the configuration.
    package mutating func run() -> [MachineFinding] {
        findings = []
        checkLog()
        checkState()
        checkSocket()
        checkMemory()
        checkPrincipals()
        checkTextfile()
        return findings
    }

    mutating func error(_ key: String, _ problem: String, _ advice: String) {
        note(true, key, problem, advice)
    }

    mutating func warn(_ key: String, _ problem: String, _ advice: String) {
        note(false, key, problem, advice)
    }

    private mutating func note(
        _ isError: Bool, _ key: String, _ problem: String, _ advice: String
    ) {
        findings.append(
            MachineFinding(
                isError: isError, place: places.place(of: key), problem: problem, advice: advice))
    }

    /// What stands at a path, links followed where they lead to a directory.
    func exists(_ path: String) -> Bool {
        FileAccess.isDirectory(path) || (try? disk.status(path)).flatMap { $0 } != nil
    }

    // MARK: The socket

    private mutating func checkSocket() {
        let path = configuration.socketPath
        let directory = path.parentPath ?? "."
        if !FileAccess.isDirectory(directory) {
            if directory.hasPrefix("/run/") {
                warn(
                    "socket", "\(directory) is not there",
                    "systemd makes it with RuntimeDirectory=; without systemd, make it")
            } else {
                error("socket", "\(directory) is no directory", "make it, writable for the daemon")
            }
            return
        }
        if !FileAccess.mayWrite(directory) {
            error(
                "socket", "\(directory) is not writable for this user",
                "let the daemon's user write there, or choose another path")
        }
        if let status = try? disk.status(path), status.kind != .other {
            error(
                "socket", "\(path) is there, and no socket",
                "move it away, or choose another path; the daemon replaces sockets only")
        }
    }

    // MARK: Memory

    private mutating func checkMemory() {
        guard let total = machineByteCount() else { return }
        let users = configuration.memory.residentBytes
        let refresh = configuration.refresh.memoryBudget
        let machine = "this machine has \(total) bytes of memory"
        for (key, bytes) in [
            ("memory.resident_bytes", users), ("refresh.memory_budget", refresh),
        ] where bytes > total {
            error(key, "\(bytes) bytes, and \(machine)", "take less")
        }
        if users <= total, refresh <= total,
            users.addingReportingOverflow(refresh).partialValue > total
        {
            warn(
                "refresh.memory_budget",
                "with memory.resident_bytes it comes to \(users + refresh) bytes, and \(machine)",
                "take less of either: a refresh runs beside the daemon")
        }
    }

    /// MemTotal of proc(5), bytes; nil when it does not say.
    private func machineByteCount() -> Int64? {
        guard let text = try? disk.text(of: "/proc/meminfo", limit: 1 << 16) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        let words = line?.split(separator: " ") ?? []
        return words.count == 3 ? Int64(words[1]).map { 1024 * $0 } : nil
    }

    // MARK: People, and monitoring

    private mutating func checkPrincipals() {
        let control = configuration.control
        for (key, principals) in [
            ("control.readers", control.readers), ("control.operators", control.operators),
        ] {
            for principal in principals where !isKnown(principal) {
                error(
                    key, "this machine knows no \(principal)",
                    "create it, or take it out of the list")
            }
        }
    }

    private func isKnown(_ principal: Principal) -> Bool {
        switch principal {
        case .userName(let name): Accounts.userNumber(named: name) != nil
        case .groupName(let name): Accounts.groupNumber(named: name) != nil
        case .userNumber, .groupNumber: true
        }
    }

    private mutating func checkTextfile() {
        let path = configuration.metrics.textfile
        guard !path.isEmpty else { return }
        let directory = path.parentPath ?? "."
        if !FileAccess.isDirectory(directory) {
            warn("metrics.textfile", "\(directory) is no directory", "make it, or say none")
        } else if !FileAccess.mayWrite(directory) {
            warn(
                "metrics.textfile", "\(directory) is not writable for this user",
                "let the daemon's user write there, also with ReadWritePaths= under systemd")
        }
    }
}
