package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const sizeMin = 32 << 20

var volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.-]{0,127}$`)

// volumeFolder is the folder with a sparse file a volume. A test that wants an expansion to fail puts a file of the
// name refuse-expansion beside them.
type volumeFolder struct{ path string }

func (f volumeFolder) file(id string) (string, error) {
	if !volumeName.MatchString(id) {
		return "", status.Errorf(codes.InvalidArgument, "%q is no name of a volume", id)
	}
	return filepath.Join(f.path, id+".xfs"), nil
}

func (f volumeFolder) create(id string, size int64) error {
	path, err := f.file(id)
	if err != nil {
		return err
	}
	if facts, err := os.Stat(path); err == nil {
		if facts.Size() != size {
			return status.Errorf(codes.AlreadyExists, "%s exists with %d bytes", id, facts.Size())
		}
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	defer file.Close()
	return internal(file.Truncate(size))
}

func (f volumeFolder) remove(id string) error {
	path, err := f.file(id)
	if err != nil {
		return nil // none of ours, so it is not there
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return internal(err)
	}
	return nil
}

// enlarge gives the size the volume then has; it never gets smaller.
func (f volumeFolder) enlarge(id string, size int64) (int64, error) {
	path, err := f.file(id)
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(filepath.Join(f.path, "refuse-expansion")); err == nil {
		// The code that the resizer takes for a final no, so that a smaller size may be asked for.
		return 0, status.Error(codes.OutOfRange, "no more room to expand into (refuse-expansion is there)")
	}
	facts, err := os.Stat(path)
	if err != nil {
		return 0, status.Errorf(codes.NotFound, "there is no volume %s", id)
	}
	if facts.Size() >= size {
		return facts.Size(), nil
	}
	return size, internal(os.Truncate(path, size))
}

func internal(err error) error {
	if err == nil {
		return nil
	}
	return status.Error(codes.Internal, err.Error())
}
