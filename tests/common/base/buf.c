#include "unit.h"

CU_TestInfo base_buf_tests[] = {
	CU_TEST_INFO_NULL,
};
