// Package metrics reads what the sandbox uses from /proc, within bounds and without trusting it to be complete.
package metrics

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Metrics as the plain face tells them.
type Metrics struct {
	UptimeSeconds  int64   `json:"uptime_seconds"`
	Processes      int     `json:"processes"`
	CPUCount       int     `json:"cpu_count"`
	CPUUsedPct     float64 `json:"cpu_used_pct"`
	MemTotalBytes  int64   `json:"mem_total_bytes"`
	MemUsedBytes   int64   `json:"mem_used_bytes"`
	DiskTotalBytes int64   `json:"disk_total_bytes"`
	DiskUsedBytes  int64   `json:"disk_used_bytes"`
	MemCacheBytes  int64   `json:"-"`
}

// Meter remembers the last look at the processor's time, since usage is a difference.
type Meter struct {
	started time.Time

	mu   sync.Mutex
	last sample
	pct  float64
}

type sample struct {
	at   time.Time
	busy time.Duration
}

const (
	ticksPerSecond = 100
	// shortest span over which usage is computed
	minSpan = 200 * time.Millisecond
)

// NewMeter takes the first sample.
func NewMeter() *Meter {
	m := &Meter{started: time.Now()}
	m.last = sample{m.started, busyTime()}
	return m
}

// Read measures now.
func (m *Meter) Read() Metrics {
	pids := processIDs()
	result := Metrics{UptimeSeconds: m.uptime(), Processes: len(pids), CPUCount: runtime.NumCPU()}
	result.CPUUsedPct = m.cpu()
	memory := readMemory()
	result.MemTotalBytes = memory["MemTotal"]
	result.MemCacheBytes = memory["Cached"]
	if available, ok := memory["MemAvailable"]; ok {
		result.MemUsedBytes = max(memory["MemTotal"]-available, 0)
	}
	var disk unix.Statfs_t
	if unix.Statfs("/", &disk) == nil {
		result.DiskTotalBytes = int64(disk.Blocks) * disk.Bsize
		result.DiskUsedBytes = int64(disk.Blocks-disk.Bfree) * disk.Bsize
	}
	return result
}

func (m *Meter) uptime() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil && info.Uptime > 0 {
		return int64(info.Uptime)
	}
	return int64(time.Since(m.started).Seconds())
}

// cpu is the share of all processors since the last reading, in percent.
func (m *Meter) cpu() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	span := now.Sub(m.last.at)
	if span < minSpan {
		return m.pct
	}
	busy := busyTime()
	used := float64(busy-m.last.busy) / float64(span) / float64(runtime.NumCPU()) * 100
	m.pct = float64(int(min(max(used, 0), 100)*100)) / 100
	m.last = sample{now, busy}
	return m.pct
}

// busyTime is what /proc/stat says, or, where that counts nothing (gVisor), the sum over the processes of now.
func busyTime() time.Duration {
	var ticks int64
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		line, _, _ := strings.Cut(string(text), "\n")
		for i, field := range strings.Fields(line) {
			if n, err := strconv.ParseInt(field, 10, 64); err == nil && i != 4 && i != 5 && i < 9 {
				ticks += n // all but idle and waiting for input; guest time is counted in user time
			}
		}
	}
	if ticks == 0 {
		for _, pid := range processIDs() {
			ticks += processTicks(pid)
		}
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

func processTicks(pid string) int64 {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return user + system
}

func processIDs() []string {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	pids := names[:0]
	for _, name := range names {
		if name[0] >= '1' && name[0] <= '9' {
			pids = append(pids, name)
		}
	}
	return pids
}

func readMemory() map[string]int64 {
	values := map[string]int64{}
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return values
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			values[strings.TrimSuffix(fields[0], ":")] = n << 10
		}
	}
	return values
}
